// The pool over a fork: the child finds it whole, whatever other threads were doing to it. Not under the sanitizers, whose own locks do
// not survive a fork.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "storage/storage.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace mixnet {
namespace {

// Allocates, writes and releases blocks of all sizes; false when two of them overlap.
bool exercise(Storage& pool, unsigned seed, int rounds) {
  std::mt19937 random(seed);
  std::vector<Block> held;
  bool good = true;
  for (int i = 0; i < rounds; ++i) {
    const Block b = pool.allocate(1 + random() % (random() % 4 ? 3000 : 300000));
    static_cast<char*>(b.data)[0] = static_cast<char>(i);
    static_cast<char*>(b.data)[b.size - 1] = static_cast<char>(i);
    for (const Block& other : held) good = good && other.data != b.data;
    held.push_back(b);
    if (held.size() > 8) {
      pool.release(held.front());
      held.erase(held.begin());
    }
  }
  for (const Block& b : held) pool.release(b);
  return good;
}

}  // namespace

TEST_CASE("storage: a fork at any moment of heavy traffic leaves the child a whole pool") {
  Storage& pool = storage({});
  const Block mine = pool.allocate(100000);
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (unsigned i = 0; !stop; ++i) exercise(pool, t * 1000 + i, 20);
    });
  }
  for (unsigned i = 0; i < 100; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      pool.release(mine);  // a block of the parent's goes back like any other
      const bool good = exercise(pool, i, 50);
      pool.empty_cache();
      _exit(good ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  stop = true;
  for (std::thread& t : threads) t.join();
  pool.release(mine);
}

}  // namespace mixnet
#endif

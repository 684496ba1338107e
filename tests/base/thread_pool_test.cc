#include "base/thread_pool.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"

using namespace mixnet;

namespace {

class Threads {
 public:
  explicit Threads(int count) : before_(parallel_threads()) { set_parallel_threads(count); }
  ~Threads() { set_parallel_threads(before_); }
  Threads(const Threads&) = delete;

 private:
  int before_;
};

// Every index exactly once, every range at least `grain` long unless it is the whole.
void check_cover(int64_t n, int64_t grain) {
  CAPTURE(n);
  CAPTURE(grain);
  std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
  std::atomic<bool> short_range{false};
  parallel_for(n, grain, [&](int64_t first, int64_t last) {
    if (last - first < std::min(n, grain)) short_range = true;
    for (int64_t i = first; i < last; ++i) ++seen[static_cast<size_t>(i)];
  });
  bool once = true;
  for (const std::atomic<int>& count : seen) once = once && count == 1;
  CHECK(once);
  CHECK_FALSE(short_range);
}

}  // namespace

TEST_CASE("thread_pool: covers the range once, in ranges of the grain or more") {
  for (const int threads : {1, 2, 3, 8}) {
    CAPTURE(threads);
    Threads set(threads);
    CHECK(parallel_threads() == threads);
    for (const int64_t n : {0, 1, 2, 7, 64, 1000, 1023}) {
      for (const int64_t grain : {0, 1, 3, 64, 5000}) check_cover(n, std::max<int64_t>(1, grain));
    }
  }
}

TEST_CASE("thread_pool: huge ranges do not overflow") {
  Threads set(4);
  std::atomic<uint64_t> total{0};
  const int64_t n = INT64_MAX;
  parallel_for(n, 1, [&](int64_t first, int64_t last) { total += static_cast<uint64_t>(last - first); });
  CHECK(total == static_cast<uint64_t>(n));
}

TEST_CASE("thread_pool: several threads take part") {
  Threads set(3);
  std::atomic<int> inside{0};
  std::atomic<bool> met{false};
  // The first two ranges wait for each other: one thread alone could not end this.
  parallel_for(3, 1, [&](int64_t, int64_t) {
    ++inside;
    while (inside < 2 && !met) std::this_thread::yield();
    met = true;
  });
  CHECK(met);
}

TEST_CASE("thread_pool: small loops and one thread run directly") {
  Threads set(4);
  const std::thread::id self = std::this_thread::get_id();
  int calls = 0;
  auto body = [&](int64_t first, int64_t last) {
    CHECK(std::this_thread::get_id() == self);
    CHECK(first == 0);
    CHECK(last == 100);
    ++calls;
  };
  parallel_for(100, 100, body);
  set_parallel_threads(1);
  parallel_for(100, 1, body);
  CHECK(calls == 2);
}

TEST_CASE("thread_pool: nested loops run serially") {
  Threads set(4);
  std::atomic<int64_t> total{0};
  std::atomic<bool> serial{true};
  parallel_for(16, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const std::thread::id self = std::this_thread::get_id();
      parallel_for(100, 1, [&](int64_t f, int64_t l) {
        if (std::this_thread::get_id() != self || f != 0 || l != 100) serial = false;
        total += l - f;
      });
    }
  });
  CHECK(total == 1600);
  CHECK(serial);
}

TEST_CASE("thread_pool: the first exception is thrown again, the pool stays usable") {
  for (const int threads : {1, 4}) {
    Threads set(threads);
    for (int round = 0; round < 50; ++round) {
      CHECK_THROWS_AS(parallel_for(1000, 1,
                                   [](int64_t first, int64_t last) {
                                     if (first <= 500 && 500 < last) throw std::runtime_error("range 500");
                                   }),
                      std::runtime_error);
      check_cover(100, 1);
    }
  }
}

TEST_CASE("thread_pool: callers on several threads at once") {
  Threads set(4);
  std::atomic<int64_t> total{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        parallel_for(64, 1, [&](int64_t first, int64_t last) { total += last - first; });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(total == 4 * 500 * 64);
}

TEST_CASE("thread_pool: the number of threads changes between loops") {
  Threads set(2);
  for (int i = 0; i < 60; ++i) {
    set_parallel_threads(1 + i % 7);
    check_cover(500, 3);
    if (i % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // let the helpers fall asleep
  }
  CHECK_THROWS_AS(set_parallel_threads(0), Error);
  CHECK_THROWS_AS(set_parallel_threads(-1), Error);
}

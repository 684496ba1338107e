// Forked children: the same engine and idle variables work, what was in flight is reported, nothing hangs.
//
// Not under ThreadSanitizer, which does not allow threads to be started after a fork.
#include <doctest/doctest.h>

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/thread_pool.h"
#include "engine/engines.h"

using namespace mixnet;
using namespace mixnet::testing;

#if !MIXNET_TEST_TSAN
namespace {

// Runs `body` in a forked child; true when it returned true within twenty seconds.
bool in_child(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    bool good = false;
    try {
      good = body();
    } catch (...) {
      good = false;
    }
    _exit(good ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool works(Engine& engine, Variable* variable) {
  int value = 0;
  push(engine, {}, {variable}, [&] { value = 1; });
  push(engine, {variable}, {variable}, [&] { value += 1; });
  engine.wait_to_read(variable);
  return value == 2;
}

}  // namespace

TEST_CASE("fork: engines and idle variables work in the child") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 2);
    CHECK(works(*engine, v[0]));
    push(*engine, {}, {v[1]}, [] { throw Error(Code::io, "from before"); });
    thrown([&] { engine->wait_all(); });
    const uint64_t version = engine->version(v[0]);
    CHECK(in_child([&] {
      const bool kept =
          engine->version(v[0]) == version && thrown([&] { engine->wait_to_read(v[1]); }).says("from before");
      const bool grandchild = in_child([&] { return works(*engine, v[0]); });
      return kept && grandchild && works(*engine, v[0]) && works(*engine, v[1]) &&
             (engine->shutdown(), engine->statistics().threads == 0);
    }));
    CHECK(works(*engine, v[0]));
  }
}

TEST_CASE("fork: what was being written is reported, what was being read is whole") {
  auto engine = make_threaded_engine(2);
  OwnedVariables v(*engine, 3);
  Gate gate;
  std::atomic<bool> started{false};
  push(*engine, {v[1]}, {v[0]}, [&] {
    started = true;
    gate.pass();
  });
  push(*engine, {v[0]}, {v[2]}, [] {});
  CHECK(eventually([&] { return started.load(); }));
  CHECK(in_child([&] {
    const Thrown busy = thrown([&] { engine->wait_to_read(v[0]); });
    engine->wait_to_write(v[1]);
    engine->wait_all();
    const bool reported = busy.code == Code::unsupported && busy.says("fork");
    return reported && engine->statistics().pending == 0 && works(*engine, v[0]) && works(*engine, v[1]) &&
           works(*engine, v[2]);
  }));
  gate.open();
  engine->wait_all();
}

TEST_CASE("fork: inside of a task") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 2);
    std::atomic<bool> good{false};
    push(*engine, {}, {v[0]}, [&] { good = in_child([&] { return works(*engine, v[1]); }); });
    engine->wait_to_read(v[0]);
    CHECK(good);
  }
}

TEST_CASE("fork: the process's engine lets its work end first") {
  Engine& e = engine();
  OwnedVariables v(e, 1);
  std::atomic<int> value{0};
  push(e, {}, v.list, [&] {
    sleep_ms(50);
    value = 7;
  });
  CHECK(in_child([&] {
    engine().wait_to_read(v[0]);
    return value == 7 && works(engine(), v[0]);
  }));
}

TEST_CASE("fork: the thread pool starts afresh") {
  const int before = parallel_threads();
  set_parallel_threads(4);
  auto sum = [] {
    std::atomic<int64_t> total{0};
    parallel_for(10000, 10, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) total += i;
    });
    return total.load();
  };
  CHECK(sum() == 49995000);
  CHECK(in_child([&] { return sum() == 49995000; }));
  CHECK(sum() == 49995000);
  set_parallel_threads(before);
}

// AddressSanitizer's allocator keeps its locks across a fork, and its shadow is larger than any limit on memory.
#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("fork: at any moment of heavy traffic") {
  auto engine = make_threaded_engine(2);
  OwnedVariables v(*engine, 3);
  std::atomic<bool> stop{false};
  std::thread producer([&] {
    while (!stop) push(*engine, {v[0]}, {v[1], v[2]}, [] {});
  });
  for (int i = 0; i < 20; ++i) {
    CHECK(in_child([&] {
      for (Variable* variable : v.list) thrown([&] { engine->wait_to_write(variable); });
      return works(*engine, v[0]) && works(*engine, v[1]) && works(*engine, v[2]);
    }));
  }
  stop = true;
  producer.join();
}

TEST_CASE("engine: without threads to be had, the caller does the work") {
  auto engine = make_threaded_engine(2);
  OwnedVariables v(*engine, 1);
  CHECK(in_child([&] {
    // Stacks larger than what may be mapped, and larger than those the system keeps for reuse.
    pthread_attr_t large;
    pthread_attr_init(&large);
    pthread_attr_setstacksize(&large, size_t{1} << 40);
    pthread_setattr_default_np(&large);
    rlimit limit{};
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = rlim_t{1} << 38;
    setrlimit(RLIMIT_AS, &limit);
    const bool good = works(*engine, v[0]);
    int64_t count = 0;
    set_parallel_threads(4);
    parallel_for(1000, 1, [&](int64_t first, int64_t last) { count += last - first; });
    return good && count == 1000 && engine->statistics().threads == 0;
  }));
}
#endif
#endif

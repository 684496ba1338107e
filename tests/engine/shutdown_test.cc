// The end: explicit, at any time, twice, with work in flight, from inside of a task.
#include <doctest/doctest.h>

#include "engine/engines.h"

using namespace mixnet;
using namespace mixnet::testing;

TEST_CASE("engine: shutdown lets running tasks finish and skips the rest") {
  auto engine = make_threaded_engine(1);
  Variables v = {engine->new_variable(), engine->new_variable()};
  Gate gate;
  std::atomic<bool> started{false}, finished{false};
  std::atomic<int> late{0};
  auto token = std::make_shared<int>(0);
  push(*engine, {}, {v[0]}, [&] {
    started = true;
    gate.pass();
    finished = true;
  });
  for (int i = 0; i < 10; ++i) push(*engine, {v[0]}, {v[1]}, [&late, token] { ++late; });
  CHECK(eventually([&] { return started.load(); }));
  std::thread opener([&] {
    sleep_ms(20);
    gate.open();
  });
  engine->shutdown();
  opener.join();
  CHECK(finished);
  CHECK(late == 0);
  CHECK(token.use_count() == 1);
  CHECK(engine->statistics().threads == 0);
  CHECK(engine->statistics().pending == 0);
  engine->shutdown();
  engine->wait_to_read(v[0]);
  const Thrown skipped = thrown([&] { engine->wait_to_read(v[1]); });
  CHECK(skipped.code == Code::invalid);
  CHECK(skipped.says("shut down"));
  engine->wait_all();
  bool freed = false;
  engine->delete_variable(v[0], [&] { freed = true; });
  engine->delete_variable(v[1], {});
  CHECK(freed);
}

TEST_CASE("engine: after shutdown nothing is taken in") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 1);
    engine->shutdown();
    auto token = std::make_shared<int>(0);
    CHECK(thrown([&] { push(*engine, {}, v.list, [token] {}); }).code == Code::invalid);
    CHECK(token.use_count() == 1);
    CHECK(thrown([&] { engine->run_now({}, v.list, [] {}, [] { return std::string(); }); }).code == Code::invalid);
    engine->wait_to_write(v[0]);
  }
}

TEST_CASE("engine: shutdown from inside of a task skips the rest and does not hang") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 1);
    std::atomic<int> later{0};
    push(*engine, {}, v.list, [&] {
      push(*engine, v.list, v.list, [&] { ++later; });
      engine->shutdown();
    });
    engine->shutdown();
    CHECK(later == 0);
    CHECK(engine->statistics().pending == 0);
  }
}

TEST_CASE("engine: shutdown while producers push and others wait") {
  for (int round = 0; round < 20; ++round) {
    auto engine = make_threaded_engine(2);
    Variables v = {engine->new_variable(), engine->new_variable()};
    std::atomic<int64_t> accepted{0}, ended{0};
    struct Counted {
      explicit Counted(std::atomic<int64_t>& count) : count(count) {}
      ~Counted() { ++count; }
      std::atomic<int64_t>& count;
    };
    std::vector<std::thread> threads;
    for (int p = 0; p < 2; ++p) {
      threads.emplace_back([&] {
        const Thrown end = thrown([&] {
          for (;;) {
            push(*engine, v, v, [held = std::make_shared<Counted>(ended)] {});
            ++accepted;
          }
        });
        CHECK(end.code == Code::invalid);
      });
    }
    threads.emplace_back([&] {
      thrown([&] {
        for (int i = 0; i < 100; ++i) engine->wait_to_read(v[0]);
      });
    });
    sleep_ms(round % 4);
    engine->shutdown();
    for (std::thread& thread : threads) thread.join();
    // Those refused were freed as well: one for each producer.
    CHECK(ended == accepted + 2);
    for (Variable* variable : v) engine->delete_variable(variable, {});
  }
}

TEST_CASE("engine: a callback that waits for skipped work comes back") {
  auto engine = make_threaded_engine(1);
  OwnedVariables v(*engine, 2);
  Gate gate;
  std::atomic<bool> waiting{false};
  PushOptions options;
  options.lane = Lane::callback;
  Thrown seen;
  push(*engine, {}, {v[0]}, [&] { gate.pass(); });
  push(*engine, {v[0]}, {v[0]}, [] {});
  push(
      *engine, {}, {v[1]},
      [&] {
        waiting = true;
        seen = thrown([&] { engine->wait_to_read(v[0]); });
      },
      options);
  CHECK(eventually([&] { return waiting.load(); }));
  sleep_ms(5);
  std::thread opener([&] {
    sleep_ms(20);
    gate.open();
  });
  engine->shutdown();
  opener.join();
  CHECK(seen.code == Code::invalid);
}

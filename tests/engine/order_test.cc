// Order, priorities, deletion, inline work and the bound on run-ahead.
#include <doctest/doctest.h>

#include <mutex>

#include "base/setting.h"
#include "engine/engines.h"

using namespace mixnet;
using namespace mixnet::testing;
using mixnet::test::Setting;

TEST_CASE("engine: reads run together, a write alone") {
  auto engine = make_threaded_engine(4);
  OwnedVariables v(*engine, 1);
  std::atomic<int> readers{0}, most{0};
  std::atomic<bool> overlap{false};
  Gate gate;
  for (int i = 0; i < 3; ++i) {
    push(*engine, v.list, {}, [&] {
      ++readers;
      gate.pass();
      --readers;
    });
  }
  CHECK(eventually([&] { return readers == 3; }));
  push(*engine, v.list, v.list, [&] { overlap = readers != 0; });
  gate.open();
  engine->wait_to_write(v[0]);
  CHECK_FALSE(overlap);
}

TEST_CASE("engine: higher priority runs earlier, equal ones in order") {
  auto engine = make_threaded_engine(1);
  Gate gate;
  std::atomic<bool> started{false};
  push(*engine, {}, {}, [&] {
    started = true;
    gate.pass();
  });
  CHECK(eventually([&] { return started.load(); }));
  std::vector<int> order;
  const int priorities[] = {0, 5, -3, 5, 0, 7, -3, 0};
  for (int i = 0; i < 8; ++i) {
    PushOptions options;
    options.priority = priorities[i];
    push(*engine, {}, {}, [&order, i] { order.push_back(i); }, options);
  }
  gate.open();
  engine->wait_all();
  CHECK(order == std::vector<int>{5, 1, 3, 0, 4, 7, 2, 6});
}

TEST_CASE("engine: a deleted variable goes when nothing uses it any more") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    auto memory = std::make_shared<int>(7);
    std::weak_ptr<int> alive = memory;
    std::atomic<int> seen{0};
    Variable* variable = engine->new_variable();
    int* value = memory.get();
    for (int i = 0; i < 3; ++i) {
      push(*engine, {variable}, {}, [&seen, value] {
        sleep_ms(2);
        seen += *value;
      });
    }
    push(*engine, {variable}, {variable}, [value] {
      *value = 0;
      throw Error(Code::io, "poisoned before it went");
    });
    engine->delete_variable(variable, [memory = std::move(memory)] {});
    thrown([&] { engine->wait_all(); });
    CHECK(seen == 21);
    CHECK(alive.expired());
    CHECK(engine->statistics().variables == 0);
  }
}

TEST_CASE("engine: what a deletion throws is reported by wait_all") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    Variable* variable = engine->new_variable();
    engine->delete_variable(variable, [] { throw Error(Code::device, "cannot free"); });
    CHECK(thrown([&] { engine->wait_all(); }).says("cannot free"));
  }
}

TEST_CASE("engine: small ready work runs on the calling thread") {
  auto engine = make_threaded_engine(1);
  OwnedVariables v(*engine, 1);
  PushOptions small;
  small.small = true;
  std::thread::id ran_on;
  push(*engine, {}, v.list, [&] { ran_on = std::this_thread::get_id(); }, small);
  CHECK(ran_on == std::this_thread::get_id());
  CHECK(engine->statistics().ran_inline == 1);
  CHECK(engine->statistics().threads == 0);

  Gate gate;
  push(*engine, {}, v.list, [&] { gate.pass(); });
  CHECK_FALSE(engine->run_now(v.list, {}, [] {}, [] { return std::string(); }));
  push(*engine, v.list, {}, [&] { ran_on = std::this_thread::get_id(); }, small);
  gate.open();
  engine->wait_to_write(v[0]);
  CHECK(ran_on != std::this_thread::get_id());

  // Callbacks run where they were registered to run, small or not.
  small.lane = Lane::callback;
  push(*engine, {}, v.list, [&] { ran_on = std::this_thread::get_id(); }, small);
  engine->wait_to_read(v[0]);
  CHECK(ran_on != std::this_thread::get_id());
}

TEST_CASE("engine: the naive one runs everything in push") {
  auto engine = make_naive_engine();
  OwnedVariables v(*engine, 2);
  std::string order;
  push(*engine, {}, {v[0]}, [&] {
    order += "a";
    push(*engine, {}, {v[1]}, [&] { order += "b"; });      // free: inside
    push(*engine, {v[0]}, {v[1]}, [&] { order += "d"; });  // needs what this task holds: after it
    order += "c";
  });
  CHECK(order == "abcd");
  CHECK(engine->statistics().threads == 0);
}

TEST_CASE("engine: long chains do not nest") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 1);
    int64_t count = 0;
    push(*engine, {}, v.list, [&] {
      for (int i = 0; i < 200000; ++i) push(*engine, v.list, v.list, [&] { ++count; });
    });
    engine->wait_to_read(v[0]);
    engine->wait_all();
    CHECK(count == 200000);
    CHECK(engine->version(v[0]) == 200001);
  }
}

TEST_CASE("engine: run-ahead is bounded in operations") {
  Setting setting("MIXNET_ENGINE_MAX_OPS", "10");
  auto engine = make_threaded_engine(1);
  OwnedVariables v(*engine, 1);
  Gate gate;
  std::atomic<int> pushed{0}, ran{0};
  std::thread producer([&] {
    for (int i = 0; i < 100; ++i) {
      push(*engine, v.list, v.list, [&] {
        gate.pass();
        ++ran;
      });
      ++pushed;
    }
  });
  CHECK(eventually([&] { return pushed == 10; }));
  sleep_ms(20);
  CHECK(pushed == 10);
  CHECK(engine->statistics().pending == 10);
  PushOptions hasty;
  hasty.room.timeout_s = 0.01;
  auto token = std::make_shared<int>(0);
  CHECK(thrown([&] { push(*engine, {}, {}, [token] {}, hasty); }).code == Code::net);
  CHECK(token.use_count() == 1);
  gate.open();
  producer.join();
  engine->wait_all();
  CHECK(ran == 100);
}

TEST_CASE("engine: run-ahead is bounded in bytes, but one large task passes") {
  Setting setting("MIXNET_ENGINE_MAX_BYTES", "1000");
  auto engine = make_threaded_engine(1);
  Gate gate;
  PushOptions options;
  options.bytes = 400;
  std::atomic<int> pushed{0};
  std::thread producer([&] {
    for (int i = 0; i < 4; ++i) {
      push(*engine, {}, {}, [&] { gate.pass(); }, options);
      ++pushed;
    }
  });
  CHECK(eventually([&] { return pushed == 2; }));
  sleep_ms(20);
  CHECK(pushed == 2);
  gate.open();
  producer.join();
  engine->wait_all();
  options.bytes = 5000;
  std::atomic<bool> ran{false};
  push(*engine, {}, {}, [&] { ran = true; }, options);
  engine->wait_all();
  CHECK(ran);
}

TEST_CASE("engine: the bound never blocks a task, whatever it pushes") {
  Setting setting("MIXNET_ENGINE_MAX_OPS", "2");
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 1);
    std::atomic<int> ran{0};
    auto many = [&] {
      for (int i = 0; i < 50; ++i) push(*engine, v.list, v.list, [&] { ++ran; });
    };
    push(*engine, {}, v.list, many);
    engine->wait_all();
    // Held by this thread, not by a worker: what is pushed waits for this very body.
    CHECK(engine->run_now({}, v.list, many, [] { return std::string("many"); }));
    engine->wait_all();
    CHECK(ran == 100);
  }
}

// Waits: deadlines, cancelling, waits inside of tasks on every lane, and waiting for oneself.
#include <doctest/doctest.h>

#include <csignal>

#include "engine/engines.h"

using namespace mixnet;
using namespace mixnet::testing;

namespace {

double seconds_of(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

CancelToken* signalled = nullptr;
void on_signal(int) { signalled->cancel(); }

}  // namespace

TEST_CASE("engine: waits end at their deadline and leave nothing behind") {
  auto engine = make_threaded_engine(1);
  OwnedVariables v(*engine, 2);
  Gate gate;
  push(*engine, {v[1]}, {v[0]}, [&] { gate.pass(); });
  WaitOptions hasty;
  hasty.timeout_s = 0.02;
  const double took = seconds_of([&] {
    const Thrown error = thrown([&] { engine->wait_to_read(v[0], hasty); });
    CHECK(error.code == Code::net);
    CHECK(error.says("wait_to_read"));
  });
  CHECK(took >= 0.02);
  CHECK(thrown([&] { engine->wait_to_write(v[1], hasty); }).code == Code::net);
  CHECK(thrown([&] { engine->wait_all(hasty); }).code == Code::net);
  hasty.timeout_s = 0;
  CHECK(thrown([&] { engine->wait_to_read(v[0], hasty); }).code == Code::net);
  // The withdrawn wait for writing must not stand in the way of further reads.
  CHECK(engine->run_now(Variables{v[1]}, {}, [] {}, [] { return std::string(); }));
  gate.open();
  engine->wait_to_read(v[0]);
  engine->wait_to_read(v[0], hasty);
}

TEST_CASE("engine: a withdrawn wait lets the reads behind it go") {
  auto engine = make_threaded_engine(2);
  OwnedVariables v(*engine, 1);
  Gate gate;
  std::atomic<bool> waiting{false}, read{false};
  push(*engine, v.list, {}, [&] { gate.pass(); });
  WaitOptions hasty;
  hasty.timeout_s = 0.1;
  std::thread waiter([&] {
    waiting = true;
    CHECK(thrown([&] { engine->wait_to_write(v[0], hasty); }).code == Code::net);
  });
  CHECK(eventually([&] { return waiting.load(); }));
  sleep_ms(20);
  push(*engine, v.list, {}, [&] { read = true; });
  waiter.join();
  CHECK(eventually([&] { return read.load(); }));
  gate.open();
}

TEST_CASE("engine: a wait is cancelled from another thread and from a signal handler") {
  auto engine = make_threaded_engine(1);
  OwnedVariables v(*engine, 1);
  Gate gate;
  push(*engine, {}, v.list, [&] { gate.pass(); });
  CancelToken token;
  WaitOptions options;
  options.cancel = &token;
  std::thread other([&] {
    sleep_ms(20);
    token.cancel();
  });
  CHECK(thrown([&] { engine->wait_to_read(v[0], options); }).code == Code::user);
  other.join();
  CHECK(token.cancelled());
  CHECK(thrown([&] { engine->wait_all(options); }).code == Code::user);

  token.reset();
  signalled = &token;
  std::signal(SIGUSR1, on_signal);
  const pthread_t self = pthread_self();
  std::thread sender([&] {
    sleep_ms(20);
    pthread_kill(self, SIGUSR1);
  });
  CHECK(thrown([&] { engine->wait_to_write(v[0], options); }).code == Code::user);
  sender.join();
  std::signal(SIGUSR1, SIG_DFL);
  token.reset();
  gate.open();
  engine->wait_to_read(v[0], options);
}

TEST_CASE("engine: deadlines that race with completion neither hang nor touch what is gone") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    WaitOptions hasty;
    int timed_out = 0;
    for (int i = 0; i < 300; ++i) {
      OwnedVariables v(*engine, 1);
      push(*engine, {}, v.list, [i] { std::this_thread::sleep_for(std::chrono::microseconds(i % 60)); });
      hasty.timeout_s = 1e-6 * (i * 7);
      timed_out += thrown([&] {
                     i % 2 ? engine->wait_to_read(v[0], hasty) : engine->wait_to_write(v[0], hasty);
                   }).code == Code::net;
    }
    engine->wait_all();
    CHECK(engine->statistics().variables == 0);
    CHECK(timed_out < 300);
  }
}

TEST_CASE("engine: tasks of any lane may wait for others of the same lane") {
  for (const NamedEngine& named : all_engines()) {
    for (const Lane lane : {Lane::compute, Lane::io, Lane::callback}) {
      CAPTURE(named.name);
      CAPTURE(static_cast<int>(lane));
      auto engine = named.make();
      PushOptions options;
      options.lane = lane;
      std::atomic<int> deepest{0};
      // Each task pushes the next and waits for it: twenty wait at once.
      std::function<void(int)> descend = [&](int depth) {
        deepest = std::max(deepest.load(), depth);
        if (depth == 20) return;
        OwnedVariables own(*engine, 1);
        push(*engine, {}, own.list, [&descend, depth] { descend(depth + 1); }, options);
        engine->wait_to_read(own[0]);
      };
      OwnedVariables v(*engine, 1);
      push(*engine, {}, v.list, [&] { descend(1); }, options);
      engine->wait_to_read(v[0]);
      CHECK(deepest == 20);
      engine->wait_all();
    }
  }
}

TEST_CASE("engine: threads that stood in are used again") {
  auto engine = make_threaded_engine(1);
  PushOptions options;
  options.lane = Lane::callback;
  for (int i = 0; i < 200; ++i) {
    OwnedVariables v(*engine, 2);
    push(
        *engine, {}, {v[0]},
        [&] {
          push(*engine, {}, {v[1]}, [] {}, options);
          engine->wait_to_read(v[1]);
        },
        options);
    engine->wait_to_read(v[0]);
  }
  CHECK(engine->statistics().threads <= 4);
}

TEST_CASE("engine: callbacks run one at a time on a thread of their own") {
  auto engine = make_threaded_engine(2);
  PushOptions options;
  options.lane = Lane::callback;
  std::atomic<int> inside{0}, most{0};
  for (int i = 0; i < 50; ++i) {
    push(
        *engine, {}, {},
        [&] {
          most = std::max(most.load(), ++inside);
          --inside;
        },
        options);
  }
  engine->wait_all();
  CHECK(most == 1);
  // A callback that never comes back does not stop the kernels.
  Gate gate;
  push(*engine, {}, {}, [&] { gate.pass(); }, options);
  OwnedVariables v(*engine, 1);
  push(*engine, {}, v.list, [] {});
  engine->wait_to_read(v[0]);
  gate.open();
}

TEST_CASE("engine: a task that waits for what it holds itself") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 2);
    Thrown read_own, write_own, write_read, all;
    push(*engine, {v[0]}, {v[1]}, [&] {
      push(*engine, {}, {v[0], v[1]}, [] {});
      read_own = thrown([&] { engine->wait_to_read(v[0]); });
      write_own = thrown([&] { engine->wait_to_write(v[1]); });
      write_read = thrown([&] { engine->wait_to_write(v[0]); });
      all = thrown([&] { engine->wait_all(); });
    });
    engine->wait_all();
    CHECK(read_own.code == Code::ok);
    CHECK(write_own.code == Code::ok);
    CHECK(write_read.code == Code::invalid);
    CHECK(all.code == Code::invalid);
  }
}

TEST_CASE("engine: who holds a lock waits for room first and then pushes without waiting") {
  ::setenv("MIXNET_ENGINE_MAX_OPS", "4", 1);
  auto engine = make_threaded_engine(1);
  ::unsetenv("MIXNET_ENGINE_MAX_OPS");
  OwnedVariables v(*engine, 1);
  engine->wait_for_room();
  Gate gate;
  std::atomic<int> ran{0};
  push(*engine, {}, v.list, [&] { gate.pass(); });
  PushOptions now;
  now.bounded = false;
  for (int i = 0; i < 20; ++i) engine->push(make_task([&] { ++ran; }, "count"), {}, v.list, now);
  WaitOptions hasty;
  hasty.timeout_s = 0.02;
  CHECK_THROWS_AS(engine->wait_for_room(hasty), Error);
  gate.open();
  engine->wait_for_room();
  CHECK(engine->statistics().pending < 4);
  engine->wait_all();
  CHECK(ran == 20);
}

// Queues of callbacks: what is called for a thread runs on it, while it waits and when it asks.
#include "engine/host_queue.h"

#include <doctest/doctest.h>

#include "engine/engines.h"

using namespace mixnet;
using namespace mixnet::testing;

namespace {

struct OpenQueue {
  OpenQueue() { HostQueue::open(); }
  ~OpenQueue() { HostQueue::close(); }
};

PushOptions foreign() {
  PushOptions options;
  options.lane = Lane::callback;
  return options;
}

}  // namespace

TEST_CASE("host queue: a wait runs what the waited-for task calls, on the waiting thread") {
  OpenQueue open;
  const auto queue = HostQueue::current();
  const auto host = std::this_thread::get_id();
  OwnedVariables v(engine(), 1);
  std::thread::id ran_on, task_on;
  push(
      engine(), {}, v.list,
      [&] {
        task_on = std::this_thread::get_id();
        queue->call([&] { ran_on = std::this_thread::get_id(); });
      },
      foreign());
  engine().wait_to_read(v[0]);
  CHECK(ran_on == host);
  CHECK((task_on == host || task_on != ran_on));
}

TEST_CASE("host queue: errors of a body are those of the task, and what it pushes and waits for runs") {
  OpenQueue open;
  const auto queue = HostQueue::current();
  OwnedVariables v(engine(), 3);
  push(engine(), {}, {v[0]}, [&] { queue->call([] { fail(Code::user, "[test] expected to fail"); }); }, foreign());
  const Thrown error = thrown([&] { engine().wait_to_read(v[0]); });
  CHECK(error.code == Code::user);
  CHECK(error.says("expected to fail"));
  thrown([] { engine().wait_all(); });  // takes the error
  int order = 0, inner = 0, outer = 0;
  push(
      engine(), {}, {v[1]},
      [&] {
        queue->call([&] {
          push(engine(), {}, {v[2]}, [&] { queue->call([&] { inner = ++order; }); }, foreign());
          engine().wait_to_read(v[2]);
          outer = ++order;
        });
      },
      foreign());
  engine().wait_to_read(v[1]);
  CHECK(inner == 1);
  CHECK(outer == 2);
}

TEST_CASE("host queue: a callback that waits for what an interrupted one holds is told so") {
  OpenQueue open;
  const auto queue = HostQueue::current();
  auto own = make_threaded_engine(1);
  OwnedVariables v(*own, 3);
  Thrown refused;
  Gate slow, begun;
  PushOptions io;
  io.lane = Lane::io;
  auto second = [&] {
    refused = thrown([&] { own->wait_to_read(v[0]); });
    slow.open();
  };
  push(*own, {}, {v[2]}, [&] { slow.pass(); }, io);
  auto first = [&] {
    begun.open();
    own->wait_to_read(v[2]);
  };
  push(*own, {}, {v[0]}, [&] { queue->call(first); }, io);
  auto after = [&] {
    begun.pass();
    queue->call(second);
  };
  push(*own, {}, {v[1]}, after, io);
  own->wait_to_read(v[0]);
  own->wait_to_read(v[1]);
  CHECK(refused.code == Code::invalid);
}

TEST_CASE("host queue: a body runs inside its task") {
  OpenQueue open;
  const auto queue = HostQueue::current();
  OwnedVariables v(engine(), 1);
  Thrown refused;
  push(engine(), {}, v.list, [&] { queue->call([&] { refused = thrown([] { engine().wait_all(); }); }); }, foreign());
  engine().wait_to_read(v[0]);
  CHECK(refused.code == Code::invalid);
}

TEST_CASE("host queue: a deadline ends a wait that runs callbacks") {
  OpenQueue open;
  const auto queue = HostQueue::current();
  auto own = make_threaded_engine(1);
  OwnedVariables v(*own, 1);
  std::atomic<bool> stop{false}, ended{false};
  std::thread caller([&] {
    while (!stop.load()) queue->call([] {});
    ended = true;
  });
  Gate gate;
  push(*own, {}, v.list, [&] { gate.pass(); });
  WaitOptions hasty;
  hasty.timeout_s = 0.05;
  CHECK(thrown([&] { own->wait_to_read(v[0], hasty); }).code == Code::net);
  stop = true;
  while (!ended.load()) queue->drain();
  caller.join();
  gate.open();
  own->wait_to_read(v[0]);
}

TEST_CASE("host queue: posts run at the next drain, calls to a closed queue fail") {
  HostQueue::open();
  const auto queue = HostQueue::current();
  int ran = 0;
  std::thread([&] { queue->post([&] { ++ran; }); }).join();
  CHECK(queue->has_work());
  CHECK(ran == 0);
  CHECK(queue->drain() == 1);
  CHECK(ran == 1);
  WaitOptions hasty;
  hasty.timeout_s = 0.01;
  CHECK_FALSE(queue->wait_for_work(hasty));
  std::thread late([&] { queue->post([&] { ++ran; }); });
  CHECK(queue->wait_for_work({}));
  late.join();
  HostQueue::close();
  CHECK(ran == 2);
  CHECK_FALSE(HostQueue::current());
  Thrown error;
  std::thread([&] { error = thrown([&] { queue->call([] {}); }); }).join();
  CHECK(error.code == Code::user);
  std::thread([&] { queue->post([&] { ++ran; }); }).join();
  CHECK(ran == 2);
  HostQueue::open();
  CHECK(queue->drain() == 1);
  HostQueue::close();
}

TEST_CASE("host queue: closing fails who waits in a call") {
  HostQueue::open();
  const auto queue = HostQueue::current();
  std::atomic<bool> entered{false};
  Thrown error;
  std::thread caller([&] {
    entered = true;
    error = thrown([&] {
      for (;;) queue->call([] {});
    });
  });
  CHECK(eventually([&] { return entered.load(); }));
  HostQueue::close();
  caller.join();
  CHECK(error.code == Code::user);
}

TEST_CASE("host queue: a push that has no room is let in when a callback has to run first") {
  OpenQueue open;
  const auto queue = HostQueue::current();
  ::setenv("MIXNET_ENGINE_MAX_OPS", "4", 1);
  auto small = make_threaded_engine(1);
  ::unsetenv("MIXNET_ENGINE_MAX_OPS");
  OwnedVariables v(*small, 1);
  std::atomic<int> ran{0};
  for (int i = 0; i < 40; ++i) push(*small, {}, v.list, [&] { queue->call([&] { ++ran; }); }, foreign());
  small->wait_to_read(v[0]);
  CHECK(ran == 40);
}

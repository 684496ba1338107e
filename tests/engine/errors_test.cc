// Errors poison what the failed task would have written, travel on, surface in waits and go when overwritten.
#include <doctest/doctest.h>

#include <new>

#include "engine/engines.h"

using namespace mixnet;
using namespace mixnet::testing;

namespace {

void fail_with(Code code, const char* message) { throw Error(code, message); }

}  // namespace

TEST_CASE("engine: an error stays on what the task writes, naming the task") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 2);
    push(*engine, {}, {v[0], v[1]}, [] { fail_with(Code::shape, "[dot] bad shapes"); });
    for (int again = 0; again < 2; ++again) {
      const Thrown error = thrown([&] { engine->wait_to_read(v[1]); });
      CHECK(error.code == Code::shape);
      CHECK(error.says("[dot] bad shapes"));
      CHECK(error.says("test task"));
      CHECK(error.message.find('\n') == std::string::npos);
    }
    CHECK(thrown([&] { engine->wait_to_write(v[0]); }).code == Code::shape);
  }
}

TEST_CASE("engine: poison skips readers, travels along, and is cleared by overwriting") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 3);
    std::atomic<int> ran{0};
    push(*engine, {}, {v[0]}, [] { fail_with(Code::io, "lost"); });
    push(*engine, {v[0]}, {v[1]}, [&] { ++ran; });
    push(*engine, {v[1], v[2]}, {v[2]}, [&] { ++ran; });
    CHECK(thrown([&] { engine->wait_to_read(v[2]); }).says("lost"));
    CHECK(ran == 0);
    // Changing in place needs what is there; overwriting does not.
    push(*engine, {v[0]}, {v[0]}, [&] { ++ran; });
    CHECK(thrown([&] { engine->wait_to_read(v[0]); }).code == Code::io);
    push(*engine, {}, {v[0]}, [&] { ++ran; });
    engine->wait_to_read(v[0]);
    CHECK(ran == 1);
    CHECK(thrown([&] { engine->wait_to_read(v[1]); }).code == Code::io);
    CHECK(engine->statistics().failed == 1);
    CHECK(engine->statistics().skipped == 3);
  }
}

TEST_CASE("engine: run_now keeps errors like push") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 2);
    const Variables first = {v[0]}, second = {v[1]};
    bool ran = false;
    auto describe = [] { return std::string("add (2,) (3,)"); };
    CHECK(engine->run_now({}, first, [] { fail_with(Code::shape, "no"); }, describe));
    CHECK(engine->run_now(first, second, [&] { ran = true; }, describe));
    CHECK_FALSE(ran);
    CHECK(thrown([&] { engine->wait_to_read(v[1]); }).says("add (2,) (3,)"));
    CHECK(engine->run_now({}, second, [&] { ran = true; }, describe));
    engine->wait_to_read(v[1]);
    CHECK(ran);
  }
}

TEST_CASE("engine: every kind of exception becomes an error") {
  struct Oddity {};
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 3);
    push(*engine, {}, {v[0]}, [] { throw std::bad_alloc(); });
    push(*engine, {}, {v[1]}, [] { throw std::out_of_range("over the edge"); });
    push(*engine, {}, {v[2]}, [] { throw Oddity(); });
    CHECK(thrown([&] { engine->wait_to_read(v[0]); }).code == Code::memory);
    const Thrown standard = thrown([&] { engine->wait_to_read(v[1]); });
    CHECK(standard.code == Code::internal);
    CHECK(standard.says("over the edge"));
    CHECK(thrown([&] { engine->wait_to_read(v[2]); }).code == Code::internal);
  }
}

TEST_CASE("engine: a task that fails to describe itself still reports") {
  struct Mute : Task {
    void run() override { fail_with(Code::user, "the reason"); }
    std::string describe() const override { throw 1; }
  };
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 1);
    engine->push(std::make_unique<Mute>(), {}, v.list);
    const Thrown error = thrown([&] { engine->wait_to_read(v[0]); });
    CHECK(error.code == Code::user);
    CHECK(error.says("the reason"));
  }
}

TEST_CASE("engine: wait_all throws the first error once") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 1);
    push(*engine, v.list, v.list, [] { fail_with(Code::net, "first"); });
    push(*engine, {}, v.list, [] { fail_with(Code::net, "second"); });
    CHECK(thrown([&] { engine->wait_all(); }).says("first"));
    CHECK(thrown([&] { engine->wait_all(); }).code == Code::ok);
    push(*engine, {}, v.list, [] { fail_with(Code::net, "third"); });
    CHECK(thrown([&] { engine->wait_all(); }).says("third"));
  }
}

TEST_CASE("engine: poison from outside is ordered like a write") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 2);
    std::atomic<bool> ran{false};
    push(*engine, {v[0]}, {v[1]}, [&] {
      sleep_ms(5);
      ran = true;
    });
    engine->poison(v[0], Code::net, "the peer is gone");
    CHECK(thrown([&] { engine->wait_to_read(v[0]); }).says("the peer is gone"));
    CHECK(ran);
    engine->wait_to_read(v[1]);
    CHECK(engine->version(v[0]) == 1);
  }
}

TEST_CASE("engine: failing in the middle of a chain leaves the other branches whole") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    OwnedVariables v(*engine, 20);
    std::vector<int> value(20);
    push(*engine, {}, {v[0]}, [&] { value[0] = 1; });
    for (size_t i = 1; i < 20; ++i) {
      push(*engine, {v[(i - 1) / 2]}, {v[i]}, [&value, i] {
        if (i == 4) fail_with(Code::internal, "branch 4");
        value[i] = value[(i - 1) / 2] + 1;
      });
    }
    for (size_t i = 0; i < 20; ++i) {
      bool below = false;
      for (size_t j = i;; j = (j - 1) / 2) {
        below = below || j == 4;
        if (j == 0) break;
      }
      CHECK((thrown([&] { engine->wait_to_read(v[i]); }).code == Code::internal) == below);
      CHECK((value[i] > 0) == !below);
    }
  }
}

TEST_CASE("engine: null variables are refused and the task is freed") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    auto engine = named.make();
    auto token = std::make_shared<int>(0);
    CHECK(thrown([&] { push(*engine, {nullptr}, {}, [token] {}); }).code == Code::invalid);
    CHECK(token.use_count() == 1);
    CHECK(thrown([&] { engine->wait_to_read(nullptr); }).code == Code::invalid);
    CHECK(thrown([&] { engine->poison(nullptr, Code::io, ""); }).code == Code::invalid);
    engine->delete_variable(nullptr, {});
  }
}

// Operations that end later than their task: order, errors, who may call, and the naive engine, which waits.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/engine.h"

namespace mixnet {
namespace {

using Ending = std::function<void(Completion&)>;

// Threads that call completions; an engine must outlive them.
struct Callers {
  std::vector<std::thread> threads;
  std::mutex mutex;
  void start(std::function<void()> body) {
    std::lock_guard<std::mutex> lock(mutex);
    threads.emplace_back(std::move(body));
  }
  void join() {
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }
} callers;

// A task whose completion is called by another thread after some milliseconds, or at once.
void push_deferred(Engine& engine, Variable* variable, int delay_ms, Ending ending) {
  auto body = [&engine, delay_ms, ending] {
    auto completion = engine.defer();
    if (delay_ms < 0) return ending(*completion);
    callers.start([completion, delay_ms, ending] {
      std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
      ending(*completion);
    });
  };
  engine.push(make_task(body, "deferred"), {}, Span<Variable* const>(&variable, 1));
}

void run_on(const std::unique_ptr<Engine>& engine, const std::function<void(Engine&)>& body) {
  body(*engine);
  callers.join();
}

void each_engine(const std::function<void(Engine&)>& body) {
  SUBCASE("threaded") { run_on(make_threaded_engine(2), body); }
  SUBCASE("naive") { run_on(make_naive_engine(), body); }
}

}  // namespace

TEST_CASE("defer: what reads the variable runs after the completion") {
  each_engine([](Engine& engine) {
    Variable* variable = engine.new_variable();
    for (int delay : {-1, 0, 20}) {
      std::atomic<bool> ended{false}, seen{false};
      push_deferred(engine, variable, delay, [&](Completion& completion) {
        ended = true;
        completion.end();
        completion.fail(Code::net, "too late to count");
      });
      engine.push(make_task([&] { seen = ended.load(); }, "reader"), Span<Variable* const>(&variable, 1), {});
      engine.wait_to_write(variable);
      CHECK(seen.load());
    }
    engine.delete_variable(variable, {});
    engine.wait_all();
    CHECK(engine.statistics().pending == 0);
  });
}

TEST_CASE("defer: failures poison, dropped completions too") {
  each_engine([](Engine& engine) {
    Variable* variable = engine.new_variable();
    push_deferred(engine, variable, 5, [](Completion& completion) { completion.fail(Code::net, "[test] peer: gone"); });
    CHECK_THROWS_WITH_AS(engine.wait_to_read(variable), "[test] peer: gone", Error);
    push_deferred(engine, variable, 5, [](Completion&) {});
    CHECK_THROWS_WITH_AS(engine.wait_to_read(variable),
                         "[engine] defer: expected the completion to be called, got it dropped", Error);
    // The throw counts, whatever the completion says.
    auto body = [&engine] {
      engine.defer()->end();
      fail(Code::io, "[test] file: expected one, got none");
    };
    engine.push(make_task(body, "thrower"), {}, Span<Variable* const>(&variable, 1));
    CHECK_THROWS_WITH_AS(engine.wait_to_read(variable), doctest::Contains("[test] file"), Error);
    CHECK_THROWS_AS(engine.wait_all(), Error);
    engine.delete_variable(variable, {});
  });
}

TEST_CASE("defer: only in tasks of their own, and once") {
  each_engine([](Engine& engine) {
    CHECK_THROWS_WITH_AS(engine.defer(), doctest::Contains("expected to be called by a task"), Error);
    Variable* variable = engine.new_variable();
    auto body = [&engine] {
      auto completion = engine.defer();
      completion->end();
      engine.defer();
    };
    engine.push(make_task(body, "twice"), {}, Span<Variable* const>(&variable, 1));
    CHECK_THROWS_WITH_AS(engine.wait_to_read(variable), doctest::Contains("got a second"), Error);
    auto refused = [&] { CHECK_THROWS_WITH_AS(engine.defer(), doctest::Contains("got another caller"), Error); };
    Variable* writes[] = {variable};
    CHECK(engine.run_now({}, writes, refused, [] { return std::string("not pushed"); }));
    CHECK_THROWS_AS(engine.wait_all(), Error);
    engine.delete_variable(variable, {});
  });
}

TEST_CASE("defer: a small task that runs in push may") {
  auto engine = make_threaded_engine(1);
  Variable* variable = engine->new_variable();
  PushOptions small;
  small.small = true;
  small.bytes = 100;
  using Begun = std::pair<std::thread::id, std::shared_ptr<Completion>>;
  const auto begin = [&](std::promise<Begun>& begun) {
    const auto body = [&] { begun.set_value({std::this_thread::get_id(), engine->defer()}); };
    engine->push(make_task(body, "begin"), {}, Span<Variable* const>(&variable, 1), small);
    return begun.get_future();
  };
  std::promise<Begun> one, two;
  Begun first = begin(one).get();
  CHECK(first.first == std::this_thread::get_id());
  const EngineStatistics now = engine->statistics();
  CHECK(now.threads == 0);
  CHECK(now.ran_inline == 0);
  CHECK(now.pending == 1);
  CHECK(now.finished == 0);
  WaitOptions soon;
  soon.timeout_s = 0.01;
  CHECK_THROWS_WITH_AS(engine->wait_to_read(variable, soon), doctest::Contains("time-out"), Error);

  // The second has to wait for the first.
  auto second_begun = begin(two);
  CHECK(engine->statistics().pending == 2);
  first.second->end();
  const Begun second = second_begun.get();
  CHECK(second.first != std::this_thread::get_id());
  second.second->fail(Code::net, "[test] peer: gone");
  CHECK_THROWS_WITH_AS(engine->wait_to_read(variable), "[test] peer: gone", Error);
  CHECK_THROWS_AS(engine->wait_all(), Error);
  CHECK(engine->statistics().failed == 1);
  engine->delete_variable(variable, {});
}

TEST_CASE("defer: small tasks that throw or end at once") {
  each_engine([](Engine& engine) {
    Variable* variable = engine.new_variable();
    PushOptions small;
    small.small = true;
    bool fails = false;
    const auto body = [&] {
      engine.defer()->end();
      if (fails) fail(Code::io, "[test] file: expected one, got none");
    };
    engine.push(make_task(body, "ends"), {}, Span<Variable* const>(&variable, 1), small);
    engine.wait_to_read(variable);
    fails = true;
    engine.push(make_task(body, "throws"), {}, Span<Variable* const>(&variable, 1), small);
    CHECK_THROWS_WITH_AS(engine.wait_to_read(variable), doctest::Contains("[test] file"), Error);
    CHECK_THROWS_AS(engine.wait_all(), Error);
    CHECK(engine.statistics().pending == 0);
    CHECK(engine.statistics().finished == 2);
    engine.delete_variable(variable, {});
  });
}

TEST_CASE("defer: more under way than there are threads") {
  auto engine = make_threaded_engine(1);
  std::vector<Variable*> variables;
  std::atomic<int> ended{0};
  for (int i = 0; i < 200; ++i) {
    variables.push_back(engine->new_variable());
    push_deferred(*engine, variables.back(), 10, [&](Completion& completion) {
      ++ended;
      completion.end();
    });
  }
  engine->wait_all();
  CHECK(ended.load() == 200);
  callers.join();
  for (Variable* variable : variables) engine->delete_variable(variable, {});
}

}  // namespace mixnet

// What the engine costs when the work itself costs nothing.
//
// Prints nanoseconds per run_now (two reads, one write), dependent and independent pushes per second from one
// producer, the round trip push and wait, and microseconds per parallel_for.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "base/thread_pool.h"
#include "engine/engine.h"

using namespace mixnet;

namespace {

// Seconds that one call takes, the best of five runs.
template <class F>
double best_of_five(int64_t calls, F&& run) {
  double best = 1e30;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / static_cast<double>(calls));
  }
  return best;
}

struct Count : Task {
  explicit Count(int64_t& count) : count(count) {}
  void run() override { ++count; }
  std::string describe() const override { return "count"; }
  int64_t& count;
};

struct Nothing : Task {
  void run() override {}
  std::string describe() const override { return "nothing"; }
};

void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "engine_bench: %s\n", what);
  std::exit(1);
}

void run_now_cost(Engine& e) {
  constexpr int64_t calls = 1000000;
  Variable* v[] = {e.new_variable(), e.new_variable(), e.new_variable()};
  int64_t count = 0;
  const double s = best_of_five(calls, [&] {
    for (int64_t i = 0; i < calls; ++i) {
      e.run_now(
          Span<Variable* const>(v, 2), Span<Variable* const>(v + 2, 1), [&] { ++count; },
          [] { return std::string("count"); });
    }
  });
  check(count == 5 * calls, "a run_now was lost");
  std::printf("run_now, idle variables      %8.1f ns\n", s * 1e9);
  for (Variable* variable : v) e.delete_variable(variable, {});
}

void dependent_pushes(Engine& e) {
  constexpr int64_t calls = 1000000;
  Variable* variable = e.new_variable();
  Variable* const both[] = {variable};
  int64_t count = 0;
  const double s = best_of_five(calls, [&] {
    for (int64_t i = 0; i < calls; ++i) e.push(std::make_unique<Count>(count), both, both);
    e.wait_to_read(variable);
  });
  check(count == 5 * calls, "a dependent task was lost");
  std::printf("dependent pushes             %8.2f million/s\n", 1e-6 / s);
  e.delete_variable(variable, {});
}

void independent_pushes(Engine& e) {
  constexpr int64_t calls = 1000000;
  constexpr int width = 64;
  Variable* v[width];
  for (Variable*& variable : v) variable = e.new_variable();
  const double s = best_of_five(calls, [&] {
    for (int64_t i = 0; i < calls; ++i) {
      e.push(std::make_unique<Nothing>(), {}, Span<Variable* const>(v + i % width, 1));
    }
    e.wait_all();
  });
  std::printf("independent pushes           %8.2f million/s\n", 1e-6 / s);
  for (Variable* variable : v) e.delete_variable(variable, {});
}

void round_trip(Engine& e) {
  constexpr int64_t calls = 20000;
  Variable* variable = e.new_variable();
  const double s = best_of_five(calls, [&] {
    for (int64_t i = 0; i < calls; ++i) {
      e.push(std::make_unique<Nothing>(), {}, Span<Variable* const>(&variable, 1));
      e.wait_to_read(variable);
    }
  });
  std::printf("push and wait                %8.2f us\n", s * 1e6);
  e.delete_variable(variable, {});
}

void variable_cost(Engine& e) {
  constexpr int64_t calls = 1000000;
  const double s = best_of_five(calls, [&] {
    for (int64_t i = 0; i < calls; ++i) e.delete_variable(e.new_variable(), {});
  });
  std::printf("new and delete variable      %8.1f ns\n", s * 1e9);
}

void parallel_cost() {
  constexpr int64_t calls = 20000;
  const double s = best_of_five(calls, [&] {
    for (int64_t i = 0; i < calls; ++i) parallel_for(64, 1, [](int64_t, int64_t) {});
  });
  std::printf("parallel_for, %2d threads     %8.2f us\n", parallel_threads(), s * 1e6);
}

}  // namespace

int main() {
  Engine& e = engine();
  run_now_cost(e);
  dependent_pushes(e);
  independent_pushes(e);
  round_trip(e);
  variable_cost(e);
  parallel_cost();
  e.shutdown();
  return 0;
}

// Random programs of reads, writes, failures, deletions and waits, compared with what they mean when run one by one.
//
// MIXNET_TEST_PROGRAMS programs (default 2000) with fixed seeds, spread over all engines.
#include <doctest/doctest.h>

#include <cstdlib>
#include <random>

#include "engine/engines.h"

using namespace mixnet;
using namespace mixnet::testing;

namespace {

int programs_to_run() {
  const char* text = std::getenv("MIXNET_TEST_PROGRAMS");
  return text ? std::atoi(text) : 2000;
}

// What an engine's variable stands for, without any engine.
struct Cell {
  uint64_t value = 0;
  int poisoned_by = -1;  // the number of the step that failed
  uint64_t version = 0;
};

struct Step {
  enum Kind { task, poison, replace, wait_read, wait_write } kind = task;
  std::vector<int> reads, writes;
  bool fails = false;
  PushOptions options;
  bool try_now = false;
};

std::vector<int> choose(std::mt19937& random, int cells, int most) {
  std::vector<int> chosen;
  const int count = static_cast<int>(random() % static_cast<unsigned>(most + 1));
  for (int i = 0; i < count; ++i) chosen.push_back(static_cast<int>(random() % static_cast<unsigned>(cells)));
  return chosen;
}

Step random_step(std::mt19937& random, int cells) {
  Step step;
  const unsigned dice = random() % 100;
  step.kind = dice < 86   ? Step::task
              : dice < 88 ? Step::poison
              : dice < 92 ? Step::replace
              : dice < 96 ? Step::wait_read
                          : Step::wait_write;
  // Twenty at times: lists that do not fit into the short form.
  step.reads = choose(random, cells, random() % 20 ? 3 : 20);
  step.writes = step.kind == Step::task ? choose(random, cells, 2) : std::vector<int>();
  if (step.kind != Step::task || step.writes.empty()) {
    step.writes.push_back(static_cast<int>(random() % static_cast<unsigned>(cells)));
  }
  step.fails = random() % 25 == 0;
  step.options.small = random() % 3 == 0;
  step.options.lane = static_cast<Lane>(random() % 3);
  step.options.priority = static_cast<int32_t>(random() % 5) - 2;
  step.options.bytes = random() % 4 ? 0 : 100;
  step.try_now = random() % 4 == 0;
  return step;
}

// The meaning of a task. Whoever reads and writes the same cell sees it before the write.
void compute(std::vector<Cell*> reads, std::vector<Cell*> writes, int number) {
  uint64_t sum = static_cast<uint64_t>(number);
  for (const Cell* cell : reads) sum = sum * 31 + cell->value;
  for (Cell* cell : writes) cell->value = sum++;
}

class Reference {
 public:
  explicit Reference(int cells) : cells(static_cast<size_t>(cells)) {}

  void run(const Step& step, int number) {
    if (step.kind == Step::replace) cells[static_cast<size_t>(step.writes[0])] = Cell();
    if (step.kind == Step::poison) finish(step, number);
    if (step.kind == Step::task) task(step, number);
  }

  std::vector<Cell> cells;

 private:
  void task(const Step& step, int number) {
    int poisoned_by = -1;
    // The engine reports any of several poisons; the programs compare only whether there is one.
    for (int i : step.reads) poisoned_by = std::max(poisoned_by, cells[static_cast<size_t>(i)].poisoned_by);
    if (poisoned_by < 0 && step.fails) poisoned_by = number;
    if (poisoned_by < 0) compute(pointers(step.reads), pointers(step.writes), number);
    finish(step, poisoned_by);
  }
  void finish(const Step& step, int poisoned_by) {
    std::vector<bool> counted(cells.size());
    for (int i : step.writes) {
      Cell& cell = cells[static_cast<size_t>(i)];
      cell.poisoned_by = poisoned_by;
      if (!counted[static_cast<size_t>(i)]) ++cell.version;
      counted[static_cast<size_t>(i)] = true;
    }
  }
  std::vector<Cell*> pointers(const std::vector<int>& indices) {
    std::vector<Cell*> list;
    for (int i : indices) list.push_back(&cells[static_cast<size_t>(i)]);
    return list;
  }
};

class OnEngine {
 public:
  OnEngine(Engine& engine, int cells) : engine_(engine) {
    for (int i = 0; i < cells; ++i) add(i);
  }
  ~OnEngine() {
    for (size_t i = 0; i < variables_.size(); ++i) remove(i);
  }
  OnEngine(const OnEngine&) = delete;

  void run(const Step& step, int number) {
    Variable* first = variables_[static_cast<size_t>(step.writes[0])];
    switch (step.kind) {
      case Step::task: return task(step, number);
      case Step::poison: return engine_.poison(first, Code::io, "poisoned from outside");
      case Step::replace: return replace(static_cast<size_t>(step.writes[0]));
      case Step::wait_read: thrown([&] { engine_.wait_to_read(first); }); return;
      case Step::wait_write: thrown([&] { engine_.wait_to_write(first); }); return;
    }
  }

  void compare(const Reference& reference) {
    for (size_t i = 0; i < variables_.size(); ++i) {
      const Cell& expected = reference.cells[i];
      const Thrown error = thrown([&] { engine_.wait_to_read(variables_[i]); });
      CHECK((error.code != Code::ok) == (expected.poisoned_by >= 0));
      CHECK(engine_.version(variables_[i]) == expected.version);
      if (expected.poisoned_by < 0) CHECK(values_[i]->value == expected.value);
    }
  }

 private:
  void add(int index) {
    const auto i = static_cast<size_t>(index);
    if (i == variables_.size()) {
      variables_.push_back(nullptr);
      values_.push_back(nullptr);
    }
    variables_[i] = engine_.new_variable();
    values_[i] = new Cell;
  }
  void remove(size_t i) {
    engine_.delete_variable(variables_[i], [value = values_[i]] { delete value; });
  }
  void replace(size_t i) {
    remove(i);
    add(static_cast<int>(i));
  }
  void task(const Step& step, int number) {
    std::vector<Cell*> read, written;
    Variables reads, writes;
    for (int i : step.reads) read.push_back(values_[static_cast<size_t>(i)]);
    for (int i : step.reads) reads.push_back(variables_[static_cast<size_t>(i)]);
    for (int i : step.writes) written.push_back(values_[static_cast<size_t>(i)]);
    for (int i : step.writes) writes.push_back(variables_[static_cast<size_t>(i)]);
    auto body = [read, written, number, fails = step.fails] {
      if (fails) throw Error(Code::shape, "failed on purpose");
      compute(read, written, number);
    };
    auto describe = [] { return std::string("random task"); };
    if (step.try_now && engine_.run_now(reads, writes, body, describe)) return;
    push(engine_, reads, writes, body, step.options);
  }

  Engine& engine_;
  Variables variables_;
  std::vector<Cell*> values_;
};

void run_program(Engine& engine, uint32_t seed) {
  std::mt19937 random(seed);
  const int cells = 1 + static_cast<int>(random() % 8);
  const int steps = 1 + static_cast<int>(random() % 60);
  Reference reference(cells);
  OnEngine on_engine(engine, cells);
  for (int number = 0; number < steps; ++number) {
    const Step step = random_step(random, cells);
    reference.run(step, number);
    on_engine.run(step, number);
  }
  on_engine.compare(reference);
}

}  // namespace

TEST_CASE("engine: random programs give what they give one by one") {
  const int programs = programs_to_run();
  const auto& engines = all_engines();
  for (size_t which = 0; which < engines.size(); ++which) {
    CAPTURE(engines[which].name);
    std::unique_ptr<Engine> engine = engines[which].make();
    for (int seed = static_cast<int>(which); seed < programs; seed += static_cast<int>(engines.size())) {
      CAPTURE(seed);
      run_program(*engine, static_cast<uint32_t>(seed));
    }
    thrown([&] { engine->wait_all(); });
    const EngineStatistics s = engine->statistics();
    CHECK(s.variables == 0);
    CHECK(s.pending == 0);
    CHECK(s.pushed == s.finished);
  }
}

// Each producer's additions to its own cell and to a shared one must neither be lost nor deadlock, whatever order the
// variables are listed in.
TEST_CASE("engine: producers on many threads") {
  for (const NamedEngine& named : all_engines()) {
    CAPTURE(named.name);
    std::unique_ptr<Engine> engine = named.make();
    constexpr int producers = 4, tasks = 500;
    OwnedVariables v(*engine, 3);
    int64_t sums[3] = {0, 0, 0};
    std::vector<std::thread> threads;
    for (int p = 0; p < producers; ++p) {
      threads.emplace_back([&, p] {
        std::mt19937 random(static_cast<uint32_t>(p));
        for (int i = 0; i < tasks; ++i) {
          const size_t a = random() % 3, b = (a + 1 + random() % 2) % 3;
          PushOptions options;
          options.small = random() % 2 == 0;
          push(*engine, {v[a], v[b]}, {v[b], v[a]}, [&sums, a, b] { ++sums[a], ++sums[b]; }, options);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    engine->wait_all();
    CHECK(sums[0] + sums[1] + sums[2] == 2 * producers * tasks);
    CHECK(engine->version(v[0]) + engine->version(v[1]) + engine->version(v[2]) == 2 * producers * tasks);
  }
}

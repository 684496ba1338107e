// The process's engine: chosen once, never destroyed.
#include "engine/engine.h"

#include <atomic>

#include "base/environment.h"
#include "base/exit.h"
#include "engine/scheduler.h"

namespace mixnet {
namespace {

constexpr double fork_patience_s = 5, exit_patience_s = 5;

// Set once. No lock, because a fork could leave it locked.
std::atomic<Scheduler*> process_engine{nullptr};

// The one-file predictor runs everything in the caller.
std::unique_ptr<Engine> make_engine() {
  //[full
  const std::string old_name = environment_string("ENGINE_TYPE", "threaded");
  const std::string name = environment_string("ENGINE", old_name.c_str());
  if (name != "naive" && name != "NaiveEngine") {
    const bool threaded = name == "threaded" || name == "ThreadedEngine" || name == "ThreadedEnginePerDevice";
    MIXNET_CHECK(threaded, invalid, "[engine] MIXNET_ENGINE: expected threaded or naive, got '", name, "'");
    const int64_t threads = environment_int("CPU_WORKER_NTHREADS", 1);
    MIXNET_CHECK(threads > 0 && threads <= 4096, invalid,
                 "[engine] MIXNET_CPU_WORKER_NTHREADS: expected 1 to 4096, got ", threads);
    return make_threaded_engine(static_cast<int>(threads));
  }
  //]
  return make_naive_engine();
}

void let_work_end() {
  if (Scheduler* scheduler = process_engine.load()) scheduler->quiesce(fork_patience_s);
}

void end_with_process() {
  if (Scheduler* scheduler = process_engine.load()) scheduler->stop(exit_patience_s);
}

}  // namespace

Engine& engine() {
  if (Scheduler* made = process_engine.load(std::memory_order_acquire)) return *made;
  std::unique_ptr<Engine> candidate = make_engine();
  Scheduler* expected = nullptr;
  if (!process_engine.compare_exchange_strong(expected, static_cast<Scheduler*>(candidate.get()))) return *expected;
  set_before_fork(let_work_end);
  set_before_exit(end_with_process);
  return *candidate.release();
}

}  // namespace mixnet

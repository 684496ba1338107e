// The dependency engine: runs tasks as soon as what they read and write is free.
//
// A Variable stands for anything that can be read or written: an array, a random seed, a file. Tasks are pushed with
// the variables they read and those they write. Reads of a variable run together, a write runs alone, and
// between two tasks that touch the same variable with at least one write the order of pushing is kept. The
// engine knows no arrays.
//
// A variable in both lists is read and changed: it is ordered like a write, and poison on it stops the task.
// A variable in `writes` alone is overwritten as a whole: the task runs whatever its state, and clears poison.
//
// Errors: a task that throws does not end anything. The error stays on every variable the task writes, tasks that
// read such a variable are not run and pass the error on, and wait() throws it, until the variable is overwritten.
//
// Cost: run_now on idle variables is some tens of nanoseconds; push is one allocation and a lock per variable.
// Two implementations: threaded, and naive (everything at once in the caller), chosen by MIXNET_ENGINE.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/function_ref.h"
#include "base/span.h"
#include "engine/completion.h"

namespace mixnet {

class Variable;  // made and deleted by the engine

// A unit of work. Destroyed exactly once, after it ran or when it was skipped, on any thread.
class Task {
 public:
  virtual ~Task() = default;
  virtual void run() = 0;
  // For error messages and the profiler: "dot (2, 3) (3, 4), called from trainer.py:7". May be slow.
  virtual std::string describe() const = 0;
};

enum class Lane : int32_t {
  compute = 0,   // kernels; as many threads as MIXNET_CPU_WORKER_NTHREADS says (default 1: kernels are parallel inside)
  io = 1,        // disk, network, long copies; MIXNET_ENGINE_IO_NTHREADS threads (default 4)
  callback = 2,  // foreign code, one at a time; while one waits in this engine another runs, on a further thread
};

// Lets another thread end a wait early. cancel() may be called from any thread and from a signal handler.
class CancelToken {
 public:
  void cancel() { flag_.store(1, std::memory_order_release); }
  void reset() { flag_.store(0, std::memory_order_release); }
  bool cancelled() const { return flag_.load(std::memory_order_acquire) != 0; }

 private:
  std::atomic<int32_t> flag_{0};
  static_assert(std::atomic<int32_t>::is_always_lock_free, "a signal handler may set it");
};

struct WaitOptions {
  double timeout_s = -1;                // seconds; negative: for ever. When it passes the wait throws Code::net
  const CancelToken* cancel = nullptr;  // looked at every 50 ms; a cancelled wait throws Code::user
};

struct PushOptions {
  Lane lane = Lane::compute;
  int32_t priority = 0;  // higher runs earlier among the ready
  bool small = false;    // microseconds of work: run on the calling thread if everything it needs is free
  int64_t bytes = 0;     // memory it keeps in flight, for the bound on run-ahead
  WaitOptions room;      // while too much is in flight; when it ends early push throws and the task is not run
  bool bounded = true;   // false: never waits for room, for who holds a lock that tasks want; see wait_for_room
};

struct EngineStatistics {
  int64_t pushed = 0;      // tasks so far, those of run_now too
  int64_t finished = 0;    // of those, over: they ran, failed or were skipped
  int64_t failed = 0;      // threw
  int64_t skipped = 0;     // not run: an input was poisoned, or the engine shut down
  int64_t ran_inline = 0;  // ran on the thread that issued them
  int64_t pending = 0;     // in flight now, deletions included
  int64_t variables = 0;   // alive
  int32_t threads = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual Variable* new_variable() = 0;
  // A write: `then` (may be empty) runs when nothing uses the variable any more, even if it was poisoned, and the
  // variable is gone. It must be short; what it throws is reported by wait_all. Works after shutdown too.
  virtual void delete_variable(Variable* variable, std::function<void()> then) = 0;

  // Takes the task in every case. Blocks while too much is in flight (MIXNET_ENGINE_MAX_OPS, MIXNET_ENGINE_MAX_BYTES),
  // but never inside a task: that would be waiting for itself. After shutdown it throws Code::invalid.
  virtual void push(std::unique_ptr<Task> task, Span<Variable* const> reads, Span<Variable* const> writes,
                    const PushOptions& options = {}) = 0;
  // Returns when a push would not wait for room; at once inside a task.
  virtual void wait_for_room(const WaitOptions& options = {}) = 0;
  // Runs `body` at once on this thread when every variable is free (or poisoned: then `body` is skipped) and returns
  // true; otherwise does nothing. An error of `body` is stored as for push, described by `describe`.
  virtual bool run_now(Span<Variable* const> reads, Span<Variable* const> writes, FunctionRef<void()> body,
                       FunctionRef<std::string()> describe) = 0;

  // Waits. Inside a task they return at once for a variable the task itself holds; what could never end throws
  // Code::invalid: wait_to_write for a variable the task only reads, and wait_all.
  // Until all writes pushed so far are done; throws what poisons the variable.
  virtual void wait_to_read(Variable* variable, const WaitOptions& options = {}) = 0;
  // Until all reads and writes pushed so far are done; throws what poisons the variable.
  virtual void wait_to_write(Variable* variable, const WaitOptions& options = {}) = 0;
  // Until nothing is in flight; throws the first error since the last wait_all.
  virtual void wait_all(const WaitOptions& options = {}) = 0;

  // For the pushed task that runs on this thread, a small one too: its operation ends when the completion is called, not when run() returns.
  // A task that throws afterwards has failed all the same. Throws Code::invalid outside of such a task and when called twice.
  virtual std::shared_ptr<Completion> defer() = 0;

  // Runs `wait`, which sleeps until something outside of the engine happens; inside a task another thread takes over meanwhile.
  virtual void blocking(FunctionRef<void()> wait) = 0;

  // Poisons from outside (an import that failed, a peer that died). Ordered like a write.
  virtual void poison(Variable* variable, Code code, const std::string& message) = 0;
  // Number of finished writes, failed and skipped ones included. Packed weights are keyed by it.
  virtual uint64_t version(const Variable* variable) const = 0;
  virtual EngineStatistics statistics() const = 0;

  // Lets running tasks finish, skips the rest with an error, joins all threads. Safe at any time and twice; later
  // waits return. Inside a task it cannot join: it only makes the rest be skipped.
  virtual void shutdown() = 0;
};

std::unique_ptr<Engine> make_threaded_engine(int compute_threads);
std::unique_ptr<Engine> make_naive_engine();

// The process's engine, made at first use from MIXNET_ENGINE ("threaded", "naive"; MXNet's "NaiveEngine",
// "ThreadedEngine", "ThreadedEnginePerDevice" too), never destroyed.
//
// Fork: work in flight is given five seconds to end. Engines and idle variables work in the child as they are; what
// was still being written is poisoned there with Code::unsupported.
// Exit without shutdown: running tasks are given five seconds to end, the rest is skipped; push and run_now throw from then on.
Engine& engine();

// A task from a callable.
template <class F>
class LambdaTask : public Task {
 public:
  LambdaTask(F body, std::string description) : body_(std::move(body)), description_(std::move(description)) {}
  void run() override { body_(); }
  std::string describe() const override { return description_; }

 private:
  F body_;
  std::string description_;
};

template <class F>
std::unique_ptr<Task> make_task(F body, std::string description) {
  return std::make_unique<LambdaTask<F>>(std::move(body), std::move(description));
}

}  // namespace mixnet

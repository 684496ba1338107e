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
  io = 1,        // disk, network, long copies
  callback = 2,  // foreign code; may wait on other work, so it has threads of its own that grow when all of them wait
};

struct PushOptions {
  Lane lane = Lane::compute;
  int32_t priority = 0;   // higher runs earlier among the ready
  bool small = false;     // microseconds of work: run on the calling thread if everything it needs is free
  int64_t bytes = 0;      // memory it keeps in flight, for the bound on run-ahead
};

// Lets another thread end a wait early. cancel() may be called from any thread and from a signal handler.
class CancelToken {
 public:
  void cancel() { flag_.store(1, std::memory_order_relaxed); }
  void reset() { flag_.store(0, std::memory_order_relaxed); }
  bool cancelled() const { return flag_.load(std::memory_order_relaxed) != 0; }

 private:
  std::atomic<int32_t> flag_{0};
};

struct WaitOptions {
  double timeout_s = -1;  // seconds, negative: for ever. When it passes the wait throws Code::net, "... timed out"
  const CancelToken* cancel = nullptr;  // looked at every 20 ms; a cancelled wait throws Code::user
};

struct EngineStatistics {
  int64_t pushed = 0, finished = 0, failed = 0, skipped = 0, ran_inline = 0, pending = 0;
  int64_t variables = 0;  // alive
  int32_t threads = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual Variable* new_variable() = 0;
  // A write: `then` (may be empty) runs when nothing uses the variable any more, even if it was poisoned, and the variable is gone.
  virtual void delete_variable(Variable* variable, std::function<void()> then) = 0;

  // Takes the task in every case. Blocks while too much is in flight (never on a worker thread).
  // After shutdown it throws Code::invalid.
  virtual void push(std::unique_ptr<Task> task, Span<Variable* const> reads, Span<Variable* const> writes,
                    const PushOptions& options = {}) = 0;
  // Runs `body` at once on this thread when every variable is idle and returns true; otherwise does nothing.
  // An error of `body` is stored as for push, described by `describe`.
  virtual bool run_now(Span<Variable* const> reads, Span<Variable* const> writes, FunctionRef<void()> body,
                       FunctionRef<std::string()> describe) = 0;

  // Until all writes pushed so far are done; throws what poisons the variable.
  virtual void wait_to_read(Variable* variable, const WaitOptions& options = {}) = 0;
  // Until all reads and writes pushed so far are done; throws what poisons the variable.
  virtual void wait_to_write(Variable* variable, const WaitOptions& options = {}) = 0;
  // Until everything is done; throws the first error since the last wait_all.
  virtual void wait_all(const WaitOptions& options = {}) = 0;

  // Poisons from outside (an import that failed, a peer that died). Ordered like a write.
  virtual void poison(Variable* variable, Code code, const std::string& message) = 0;
  // Number of finished writes. Packed weights are keyed by it.
  virtual uint64_t version(const Variable* variable) const = 0;
  virtual EngineStatistics statistics() const = 0;

  // Lets running tasks finish, skips the rest with an error, joins all threads. Safe at any time and twice; later waits return.
  virtual void shutdown() = 0;
};

std::unique_ptr<Engine> make_threaded_engine(int compute_threads);
std::unique_ptr<Engine> make_naive_engine();

// The process's engine, made at first use from MIXNET_ENGINE ("threaded", "naive"; MXNet's "NaiveEngine",
// "ThreadedEngine", "ThreadedEnginePerDevice" too), never destroyed. In a forked child it is a new one.
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

// The naive engine: every task runs in the caller before push returns. For debugging, and as the reference in tests.
#include <mutex>

#include "engine/operation.h"

namespace mixnet {
namespace {

class NaiveEngine : public Engine {
 public:
  Variable* new_variable() override {
    variables_.fetch_add(1, std::memory_order_relaxed);
    return new Variable;
  }

  void delete_variable(Variable* variable, std::function<void()> then) override {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    variables_.fetch_sub(1, std::memory_order_relaxed);
    if (then) then();
    delete variable;
  }

  void push(std::unique_ptr<Task> task, Span<Variable* const> reads, Span<Variable* const> writes, const PushOptions&) override {
    run(reads, writes, [&] { task->run(); }, [&] { return task->describe(); });
  }

  bool run_now(Span<Variable* const> reads, Span<Variable* const> writes, FunctionRef<void()> body,
               FunctionRef<std::string()> describe) override {
    run(reads, writes, body, describe);
    return true;
  }

  void wait_to_read(Variable* variable, const WaitOptions&) override {
    FailurePtr failure;
    {
      std::lock_guard<std::recursive_mutex> lock(mutex_);
      failure = variable->failure;
    }
    if (failure) throw Error(failure->code, failure->message);
  }
  void wait_to_write(Variable* variable, const WaitOptions& options) override { wait_to_read(variable, options); }

  void wait_all(const WaitOptions&) override {
    FailurePtr failure;
    {
      std::lock_guard<std::recursive_mutex> lock(mutex_);
      failure = std::move(first_error_);
      first_error_ = nullptr;
    }
    if (failure) throw Error(failure->code, failure->message);
  }

  void poison(Variable* variable, Code code, const std::string& message) override {
    auto body = [&] { throw Error(code, message); };
    run({}, Span<Variable* const>(&variable, 1), body, [] { return std::string("poison"); });
  }

  uint64_t version(const Variable* variable) const override { return variable->version.load(std::memory_order_acquire); }

  EngineStatistics statistics() const override {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    EngineStatistics s = statistics_;
    s.variables = variables_;
    return s;
  }

  void shutdown() override {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    stopped_ = true;
  }

 private:
  template <class Body, class Describe>
  void run(Span<Variable* const> reads, Span<Variable* const> writes, Body&& body, Describe&& describe) {
    // Recursive: a task may push tasks of its own.
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    MIXNET_CHECK(!stopped_, invalid, "[engine] work was issued after shutdown");
    AccessList accesses(reads, writes);
    ++statistics_.pushed;
    FailurePtr failure = find_failure(accesses);
    if (failure) {
      ++statistics_.skipped;
    } else {
      failure = run_guarded(body, describe);
      if (failure) {
        ++statistics_.failed;
        if (!first_error_) first_error_ = failure;
      }
    }
    ++statistics_.finished;
    for (const Access& a : accesses) {
      if (!a.write) continue;
      a.variable->failure = failure;
      a.variable->version.fetch_add(1, std::memory_order_release);
    }
  }

  mutable std::recursive_mutex mutex_;
  EngineStatistics statistics_;
  std::atomic<int64_t> variables_{0};
  FailurePtr first_error_;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<Engine> make_naive_engine() { return std::make_unique<NaiveEngine>(); }

}  // namespace mixnet

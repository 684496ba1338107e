// What the engines share: the order of operations on variables, errors, waits and counts. Where a ready task runs is
// for the derived class to say.
//
// A push locks all variables of the task together, in order of address, so that concurrent pushes stand in the same
// order in every queue and no circle of waits can arise. A finishing operation locks one variable at a time. No lock
// is held while foreign code (tasks, destructors, `then`) runs.
#pragma once
#include <atomic>
#include <memory>

#include "base/fork.h"
#include "engine/access_list.h"
#include "engine/engine.h"
#include "engine/parking.h"
#include "engine/variable.h"

namespace mixnet {

struct Deferrable;

class Scheduler : public Engine, protected ForkListener {
 public:
  ~Scheduler() override;
  Variable* new_variable() override;
  void delete_variable(Variable* variable, std::function<void()> then) override;
  void push(std::unique_ptr<Task> task, Span<Variable* const> reads, Span<Variable* const> writes,
            const PushOptions& options) override;
  void wait_for_room(const WaitOptions& options) override;
  bool run_now(Span<Variable* const> reads, Span<Variable* const> writes, FunctionRef<void()> body,
               FunctionRef<std::string()> describe) override;
  void wait_to_read(Variable* variable, const WaitOptions& options) override;
  void wait_to_write(Variable* variable, const WaitOptions& options) override;
  void wait_all(const WaitOptions& options) override;
  void blocking(FunctionRef<void()> wait) override;
  std::shared_ptr<Completion> defer() override;
  void poison(Variable* variable, Code code, const std::string& message) override;
  uint64_t version(const Variable* variable) const override;
  EngineStatistics statistics() const override;
  void shutdown() override;

  // Runs or skips a task that has all it needs, and frees it.
  void execute(TaskOperation* operation);
  // The end of a deferred operation whose task has returned, in the process that is `generation` forks old.
  void finish_deferred(TaskOperation* operation, const PoisonPtr& poison, uint32_t generation);
  // Lets work end, before a fork. False when it does not in time, or when this is inside a task.
  bool quiesce(double timeout_s);
  // The same, with what has not begun skipped and nothing taken any more; for the end of the process.
  bool stop(double timeout_s);

 protected:
  Scheduler(int64_t max_ops, int64_t max_bytes);

  // A task that has all it needs: to be executed now or later, here or elsewhere.
  virtual void start(TaskOperation* operation) = 0;
  virtual int32_t threads() const = 0;
  virtual void join() = 0;
  // Whether an operation may end later than its task; if not, whoever runs the task waits.
  virtual bool ends_later() const { return true; }
  // Around a sleep in a wait.
  virtual void begin_block() {}
  virtual void end_block() {}
  void forked() override;

  // Executes on this thread, after what this thread is executing: nesting stays shallow however long the chain.
  void execute_here(TaskOperation* operation);

 private:
  struct State;
  class Blocked;

  void run_inline(Span<const Access> accesses, FunctionRef<void()> body, FunctionRef<std::string()> describe);
  void run_in_push(std::unique_ptr<Task> task, Span<const Access> accesses, const PushOptions& options);
  void conclude(Deferrable& own, PoisonPtr poison, uint32_t generation);
  PoisonPtr run(Span<const Access> accesses, FunctionRef<void()> body, FunctionRef<std::string()> describe,
                Deferrable* own);
  void finish(TaskOperation* operation, const PoisonPtr& poison, uint32_t generation);
  void count_failure(const PoisonPtr& poison);
  void admit(Operation* operation);
  void complete(Span<const Access> accesses, const PoisonPtr& poison);
  void settle(ReadyList& ready);
  void pass(Barrier* barrier, ReadyList& ready);
  void finish(Deletion* deletion);
  void dispose(Variable* variable, std::function<void()>& then);
  void run_backlog();
  void finish(Poisoning* poisoning, ReadyList& ready);
  void wait_for(Variable* variable, bool write, const char* place, const WaitOptions& options);
  WaitResult await(Barrier& barrier, const WaitOptions& options);
  void remember(const PoisonPtr& poison);
  PoisonPtr take_first_error();
  void check_open(const char* place) const;

  std::atomic<bool> stopping_{false};
  std::unique_ptr<State> state_;
  alignas(64) std::atomic<int64_t> pushed_{0};
  std::atomic<int64_t> variables_{0};
  alignas(64) std::atomic<int64_t> ran_inline_{0};
  alignas(64) std::atomic<int64_t> finished_{0};
  std::atomic<int64_t> failed_{0}, skipped_{0};
};

}  // namespace mixnet

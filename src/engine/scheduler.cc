#include "engine/scheduler.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "base/profile.h"
#include "engine/deferral.h"
#include "engine/frame.h"
#include "engine/scheduler_state.h"

namespace mixnet {

// What this thread's task may defer, and what became of it.
struct Deferrable {
  const Scheduler* scheduler;
  TaskOperation* operation;  // null: runs in push, which makes one of the rest only when it is deferred
  std::unique_ptr<Task>* task = nullptr;
  Span<const Access> accesses = {};
  const PushOptions* options = nullptr;
  std::shared_ptr<Deferral> deferral = nullptr;
};

namespace {

class LockAll {
 public:
  explicit LockAll(Span<const Access> accesses) : accesses_(accesses) {
    for (const Access& access : accesses_) access.variable->lock();
  }
  ~LockAll() {
    for (const Access& access : accesses_) access.variable->unlock();
  }
  LockAll(const LockAll&) = delete;
  LockAll& operator=(const LockAll&) = delete;

 private:
  Span<const Access> accesses_;
};

bool try_take(Span<const Access> accesses) {
  LockAll lock(accesses);
  for (const Access& access : accesses) {
    if (!access.variable->free_for(access.write)) return false;
  }
  for (const Access& access : accesses) access.variable->take(access.write);
  return true;
}

// Takes what is free and queues for the rest. True when nothing is left to wait for; if not, the operation may
// be gone when this returns, which is why `accesses` is a copy of the operation's own.
bool take_or_queue(Operation* operation, Span<const Access> accesses) {
  LockAll lock(accesses);
  uint32_t unmet = 0;
  for (Access& access : operation->accesses) {
    if (access.variable->free_for(access.write)) {
      access.variable->take(access.write);
    } else {
      access.variable->append(&access);
      ++unmet;
    }
  }
  operation->unmet.store(unmet, std::memory_order_relaxed);
  return unmet == 0;
}

// Needs no lock: see variable.h.
PoisonPtr inherited(Span<const Access> accesses) {
  for (const Access& access : accesses) {
    if (access.read && access.variable->poison) return access.variable->poison;
  }
  return nullptr;
}

// Ends the accesses; what becomes ready is added to `ready`. A variable must not be touched after its unlock.
void release_all(Span<const Access> accesses, const PoisonPtr& poison, ReadyList& ready) {
  for (const Access& access : accesses) {
    Variable& variable = *access.variable;
    PoisonPtr old;  // freed outside the lock
    std::lock_guard<Variable> lock(variable);
    if (access.write) {
      if (variable.poison != poison) {
        old = std::move(variable.poison);
        variable.poison = poison;
      }
      variable.count_write();
    }
    variable.release(access.write, ready);
  }
}

// Tasks this thread is to execute once it is done with the one under way.
struct Backlog {
  ReadyList tasks;
  bool draining = false;
};
thread_local Backlog backlog;

// A task as the profiler shows it: what it does, and on what. Kept out of the way of those that are not recorded.
[[gnu::noinline, gnu::cold]] void record_task(int64_t began, bool failed,
                                              FunctionRef<std::string()> describe) noexcept {
  const int64_t ended = profile::now();
  try {
    const std::string text = describe();
    const size_t cut = std::min(text.find(" ("), text.size());
    const std::string_view all(text);
    profile::add_span(profile::Category::engine, began, ended,
                      {all.substr(0, cut), all.substr(std::min(cut + 1, all.size()))}, failed);
  } catch (...) {
    profile::add_span(profile::Category::engine, began, ended, {"a task that cannot describe itself", {}}, failed);
  }
}

thread_local Deferrable* deferrable = nullptr;

// Foreign code runs: what it pushes runs inside it, not after it, for it may wait for that.
class ForeignCode {
 public:
  explicit ForeignCode(Span<const Access> held, Deferrable* own = nullptr)
      : frame_(held), draining_(backlog.draining), outer_(deferrable) {
    backlog.draining = false;
    deferrable = own;
  }
  ~ForeignCode() {
    backlog.draining = draining_;
    deferrable = outer_;
  }
  ForeignCode(const ForeignCode&) = delete;
  ForeignCode& operator=(const ForeignCode&) = delete;

 private:
  Frame frame_;
  bool draining_;
  Deferrable* outer_;
};

}  // namespace

Scheduler::Scheduler(int64_t max_ops, int64_t max_bytes) : state_(std::make_unique<State>(max_ops, max_bytes)) {}

Scheduler::~Scheduler() = default;

void Scheduler::forked() {
  State* fresh = new State(state_->max_ops, state_->max_bytes);
  // The old one is left as it is: destroying a lock that somebody holds is undefined.
  static_cast<void>(state_.release());
  state_.reset(fresh);
  Frame::forget();
  backlog = {};
}

void Scheduler::check_open(const char* place) const {
  MIXNET_CHECK(!stopping_.load(), invalid, "[", place, "] engine: expected a running one, got one that was shut down");
}

// --- variables -------------------------------------------------------------------------------------------------------

Variable* Scheduler::new_variable() {
  auto* variable = new Variable;
  variables_.fetch_add(1, std::memory_order_relaxed);
  return variable;
}

void Scheduler::delete_variable(Variable* variable, std::function<void()> then) {
  if (!variable) return;
  variable->lock();
  const bool idle = variable->free_for(true);
  if (idle) variable->take(true);
  variable->unlock();
  if (idle) return dispose(variable, then);
  auto deletion = std::make_unique<Deletion>(variable, std::move(then));
  state_->in_flight.add(0);
  admit(deletion.release());
}

void Scheduler::poison(Variable* variable, Code code, const std::string& message) {
  MIXNET_CHECK(variable, invalid, "[poison] variable: expected one, got null");
  auto poisoning = std::make_unique<Poisoning>(variable, make_poison(code, message));
  state_->in_flight.add(0);
  admit(poisoning.release());
}

uint64_t Scheduler::version(const Variable* variable) const { return variable->version(); }

// --- issuing ---------------------------------------------------------------------------------------------------------

void Scheduler::push(std::unique_ptr<Task> task, Span<Variable* const> reads, Span<Variable* const> writes,
                     const PushOptions& options) {
  AccessList list(reads, writes, "push");
  check_open("push");
  if (options.small && options.lane != Lane::callback && try_take(list.span()))
    return run_in_push(std::move(task), list.span(), options);
  TaskOperation* operation = TaskOperation::make(std::move(task), list.span(), options);
  bool added = true;
  WaitResult room = WaitResult::done;
  if (Frame::inside_task() || !options.bounded) {
    state_->in_flight.add(options.bytes);
  } else {
    room = state_->in_flight.add_bounded(options.bytes, stopping_, options.room, &added);
  }
  // Counted first, looked at then: shutdown sets the flag first and waits for the count then.
  if (!added || stopping_.load()) {
    if (added) state_->in_flight.remove(options.bytes);
    TaskOperation::destroy(operation);
    check_wait(room, "push", options.room);
    check_open("push");
  }
  pushed_.fetch_add(1, std::memory_order_relaxed);
  admit(operation);
}

void Scheduler::wait_for_room(const WaitOptions& options) {
  if (Frame::inside_task()) return;
  bool added = true;
  const WaitResult room = state_->in_flight.add_bounded(0, stopping_, options, &added);
  if (added) state_->in_flight.remove(0);
  else check_wait(room, "wait_for_room", options);
}

bool Scheduler::run_now(Span<Variable* const> reads, Span<Variable* const> writes, FunctionRef<void()> body,
                        FunctionRef<std::string()> describe) {
  AccessList list(reads, writes, "run_now");
  check_open("run_now");
  if (!try_take(list.span())) return false;
  run_inline(list.span(), body, describe);
  return true;
}

void Scheduler::run_inline(Span<const Access> accesses, FunctionRef<void()> body, FunctionRef<std::string()> describe) {
  const PoisonPtr poison = run(accesses, body, describe, nullptr);
  ran_inline_.fetch_add(1, std::memory_order_relaxed);
  complete(accesses, poison);
}

void Scheduler::run_in_push(std::unique_ptr<Task> task, Span<const Access> accesses, const PushOptions& options) {
  const uint32_t generation = fork_generation();
  Task& body = *task;
  Deferrable own{this, nullptr, &task, accesses, &options};
  const PoisonPtr poison = run(accesses, [&] { body.run(); }, [&] { return body.describe(); }, &own);
  if (own.operation) return conclude(own, poison, generation);
  ran_inline_.fetch_add(1, std::memory_order_relaxed);
  complete(accesses, poison);
}

void Scheduler::admit(Operation* operation) {
  // Up to a few accesses on the stack; a copy, because the operation may run and be freed before all are unlocked.
  constexpr size_t few = 16;
  Access copies[few];
  std::vector<Access> many;
  Span<const Access> accesses;
  if (operation->accesses.size() <= few) {
    std::copy(operation->accesses.begin(), operation->accesses.end(), copies);
    accesses = Span<const Access>(copies, operation->accesses.size());
  } else {
    many.assign(operation->accesses.begin(), operation->accesses.end());
    accesses = Span<const Access>(many);
  }
  if (!take_or_queue(operation, accesses)) return;
  ReadyList ready;
  ready.push(operation);
  settle(ready);
}

// --- running ---------------------------------------------------------------------------------------------------------

PoisonPtr Scheduler::run(Span<const Access> accesses, FunctionRef<void()> body, FunctionRef<std::string()> describe,
                         Deferrable* own) {
  if (PoisonPtr poison = inherited(accesses)) {
    skipped_.fetch_add(1, std::memory_order_relaxed);
    return poison;
  }
  ForeignCode inside(accesses, own);
  const int64_t began = profile::begin(profile::Category::engine);
  try {
    body();
    if (began) record_task(began, false, describe);
    return nullptr;
  } catch (...) {
    if (began) record_task(began, true, describe);
    PoisonPtr poison = poison_from_exception(describe);
    count_failure(poison);
    return poison;
  }
}

void Scheduler::execute(TaskOperation* operation) {
  const uint32_t generation = fork_generation();
  if (stopping_.load(std::memory_order_relaxed)) {
    skipped_.fetch_add(1, std::memory_order_relaxed);
    const char* why = "[engine] task: expected to run, got skipped because the engine shut down";
    return finish(operation, make_poison(Code::invalid, why), generation);
  }
  Deferrable own{this, operation};
  const PoisonPtr poison =
      run(operation->accesses, [&] { operation->task->run(); }, [&] { return operation->task->describe(); }, &own);
  conclude(own, poison, generation);
}

// The task has returned; its operation ends now or by its completion.
void Scheduler::conclude(Deferrable& own, PoisonPtr poison, uint32_t generation) {
  TaskOperation* const operation = own.operation;
  const std::shared_ptr<Deferral> deferral = std::move(own.deferral);
  if (deferral && poison) deferral->forget();
  if (deferral && !poison) {
    if (ends_later() && !deferral->returned()) return;
    poison = deferral->await();
    if (poison) count_failure(poison);
  }
  finish(operation, poison, generation);
}

void Scheduler::finish_deferred(TaskOperation* operation, const PoisonPtr& poison, uint32_t generation) {
  if (poison) count_failure(poison);
  finish(operation, poison, generation);
}

void Scheduler::finish(TaskOperation* operation, const PoisonPtr& poison, uint32_t generation) {
  {
    ForeignCode inside({});
    operation->task.reset();
  }
  const int64_t bytes = operation->bytes;
  complete(operation->accesses, poison);
  TaskOperation::destroy(operation);
  finished_.fetch_add(1, std::memory_order_relaxed);
  // A child forked by the task does not count what was in flight in the parent.
  if (fork_generation() == generation) state_->in_flight.remove(bytes);
}

std::shared_ptr<Completion> Scheduler::defer() {
  MIXNET_CHECK(deferrable && deferrable->scheduler == this, invalid,
               "[engine] defer: expected to be called by a task that was pushed, got another caller");
  MIXNET_CHECK(!deferrable->deferral, invalid, "[engine] defer: expected one call per task, got a second");
  if (!deferrable->operation) {
    deferrable->operation =
        TaskOperation::make(std::move(*deferrable->task), deferrable->accesses, *deferrable->options);
    state_->in_flight.add(deferrable->options->bytes);
    pushed_.fetch_add(1, std::memory_order_relaxed);
  }
  deferrable->deferral = std::make_shared<Deferral>(*this, deferrable->operation, fork_generation());
  return std::make_shared<DeferralHandle>(deferrable->deferral);
}

void Scheduler::execute_here(TaskOperation* operation) {
  backlog.tasks.push(operation);
  if (!backlog.draining) run_backlog();
}

void Scheduler::run_backlog() {
  backlog.draining = true;
  while (Operation* next = backlog.tasks.pop()) execute(static_cast<TaskOperation*>(next));
  backlog.draining = false;
}

void Scheduler::complete(Span<const Access> accesses, const PoisonPtr& poison) {
  ReadyList ready;
  release_all(accesses, poison, ready);
  settle(ready);
}

// Whatever became ready: waits, deletions and poisonings end here, tasks are handed on.
void Scheduler::settle(ReadyList& ready) {
  while (Operation* operation = ready.pop()) {
    switch (operation->kind) {
      case Operation::Kind::task: start(static_cast<TaskOperation*>(operation)); break;
      case Operation::Kind::barrier: pass(static_cast<Barrier*>(operation), ready); break;
      case Operation::Kind::deletion: finish(static_cast<Deletion*>(operation)); break;
      case Operation::Kind::poisoning: finish(static_cast<Poisoning*>(operation), ready); break;
    }
  }
}

void Scheduler::pass(Barrier* barrier, ReadyList& ready) {
  const Access access = barrier->access;
  barrier->poison = access.variable->poison;
  {
    std::lock_guard<Variable> lock(*access.variable);
    access.variable->release(access.write, ready);
  }
  state_->parking_of(barrier).notify([barrier] { barrier->done.store(true, std::memory_order_release); });
}

void Scheduler::finish(Deletion* deletion) {
  std::unique_ptr<Deletion> owned(deletion);
  dispose(owned->access.variable, owned->then);
  state_->in_flight.remove(0);
}

// The variable is held alone and nothing may come after.
void Scheduler::dispose(Variable* variable, std::function<void()>& then) {
  delete variable;
  variables_.fetch_sub(1, std::memory_order_relaxed);
  if (!then) return;
  ForeignCode inside({});
  try {
    then();
    then = nullptr;
  } catch (...) {
    remember(poison_from_exception([] { return std::string("freeing a variable"); }));
  }
}

void Scheduler::finish(Poisoning* poisoning, ReadyList& ready) {
  std::unique_ptr<Poisoning> owned(poisoning);
  remember(owned->poison);
  release_all(owned->accesses, owned->poison, ready);
  state_->in_flight.remove(0);
}

// --- errors, counts, the end -----------------------------------------------------------------------------------------

void Scheduler::count_failure(const PoisonPtr& poison) {
  failed_.fetch_add(1, std::memory_order_relaxed);
  remember(poison);
}

void Scheduler::remember(const PoisonPtr& poison) {
  std::lock_guard<SpinLock> lock(state_->error_lock);
  if (!state_->first_error) state_->first_error = poison;
}

PoisonPtr Scheduler::take_first_error() {
  std::lock_guard<SpinLock> lock(state_->error_lock);
  return std::move(state_->first_error);
}

EngineStatistics Scheduler::statistics() const {
  EngineStatistics s;
  s.ran_inline = ran_inline_.load();
  s.finished = finished_.load() + s.ran_inline;
  s.pushed = pushed_.load() + s.ran_inline;
  s.failed = failed_.load();
  s.skipped = skipped_.load();
  s.pending = state_->in_flight.operations();
  s.variables = variables_.load();
  s.threads = threads();
  return s;
}

void Scheduler::shutdown() {
  stopping_ = true;
  state_->in_flight.wake();
  if (Frame::inside_task()) return;
  std::lock_guard<std::mutex> lock(state_->shutdown);
  state_->in_flight.wait_until_none({});
  join();
}

}  // namespace mixnet

// Waits. A wait stands in the variable's queue like an operation, on the stack of who waits; one that ends early is
// taken out again.
#include <mutex>

#include "base/profile.h"
#include "engine/frame.h"
#include "engine/scheduler.h"
#include "engine/scheduler_state.h"

namespace mixnet {

// Another thread has this one's place while it sleeps.
class Scheduler::Blocked {
 public:
  explicit Blocked(Scheduler& scheduler) : scheduler_(scheduler) { scheduler_.begin_block(); }
  ~Blocked() { scheduler_.end_block(); }
  Blocked(const Blocked&) = delete;

 private:
  Scheduler& scheduler_;
};

void Scheduler::wait_to_read(Variable* variable, const WaitOptions& options) {
  wait_for(variable, false, "wait_to_read", options);
}

void Scheduler::wait_to_write(Variable* variable, const WaitOptions& options) {
  wait_for(variable, true, "wait_to_write", options);
}

void Scheduler::wait_for(Variable* variable, bool write, const char* place, const WaitOptions& options) {
  MIXNET_CHECK(variable, invalid, "[", place, "] variable: expected one, got null");
  if (const Access* held = Frame::find(variable)) {
    MIXNET_CHECK(!write || held->write, invalid, "[", place,
                 "] variable: expected one that this task does not read, got one it waits for itself on");
    return;
  }
  Barrier barrier(variable, write);
  bool waits = false;
  {
    std::lock_guard<Variable> lock(*variable);
    waits = !variable->free_for(write);
    MIXNET_CHECK(
        !waits || !Frame::interrupted(variable), invalid, "[", place,
        "] variable: expected one that no callback further up this thread's stack holds, got one that it keeps "
        "until this callback ends");
    if (waits) {
      barrier.unmet.store(1, std::memory_order_relaxed);
      variable->append(&barrier.access);
    } else {
      barrier.poison = variable->poison;
    }
  }
  if (waits) {
    const profile::Span span(profile::Category::api, place);
    check_wait(await(barrier, options), place, options);
  }
  if (barrier.poison) throw_poison(*barrier.poison);
}

WaitResult Scheduler::await(Barrier& barrier, const WaitOptions& options) {
  Parking& parking = state_->parking_of(&barrier);
  auto done = [&barrier] { return barrier.done.load(std::memory_order_acquire); };
  run_backlog();  // what is waited for may be in it
  const Blocked blocked(*this);
  WaitResult result = parking.wait(done, options);
  if (result != WaitResult::done) {
    ReadyList ready;
    Variable& variable = *barrier.access.variable;
    variable.lock();
    const bool withdrawn = variable.withdraw(&barrier.access, ready);
    variable.unlock();
    settle(ready);
    // Its turn came at this very moment: somebody is about to say so.
    if (!withdrawn) result = parking.wait(done, {});
  }
  return result;
}

void Scheduler::blocking(FunctionRef<void()> wait) {
  run_backlog();
  const Blocked blocked(*this);
  wait();
}

void Scheduler::wait_all(const WaitOptions& options) {
  MIXNET_CHECK(!Frame::inside_task(), invalid, "[wait_all] caller: expected to be outside of tasks, got inside of one");
  const profile::Span span(profile::Category::api, "wait_all");
  check_wait(state_->in_flight.wait_until_none(options), "wait_all", options);
  if (PoisonPtr error = take_first_error()) throw_poison(*error);
}

bool Scheduler::quiesce(double timeout_s) {
  WaitOptions options;
  options.timeout_s = timeout_s;
  return !Frame::inside_task() && state_->in_flight.wait_until_none(options) == WaitResult::done;
}

bool Scheduler::stop(double timeout_s) {
  stopping_ = true;
  state_->in_flight.wake();
  return quiesce(timeout_s);
}

}  // namespace mixnet

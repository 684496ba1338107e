#include "engine/variable.h"

#include <mutex>
#include <new>

namespace mixnet {
namespace {

// Variables of the parent are taken over one at a time; the lock itself may have been held when we were forked.
class AdoptionLock final : public ForkListener {
 public:
  AdoptionLock() { start_listening(); }
  void forked() override { new (&lock) SpinLock; }
  SpinLock lock;
};
AdoptionLock& adoption = *new AdoptionLock;

}  // namespace

void Variable::append(Access* access) {
  access->next = nullptr;
  (last_ ? last_->next : first_) = access;
  last_ = access;
}

void Variable::grant(ReadyList& ready) {
  while (first_ && !writer_ && !(first_->write && readers_)) {
    Access* access = first_;
    if (!(first_ = access->next)) last_ = nullptr;
    take(access->write);
    // The last grant sees what all variables' earlier users left.
    if (access->operation->unmet.fetch_sub(1, std::memory_order_acq_rel) == 1) ready.push(access->operation);
  }
}

bool Variable::withdraw(Access* access, ReadyList& ready) {
  Access* previous = nullptr;
  for (Access* a = first_; a; previous = a, a = a->next) {
    if (a != access) continue;
    (previous ? previous->next : first_) = a->next;
    if (last_ == a) last_ = previous;
    grant(ready);
    return true;
  }
  return false;
}

// In a forked child the threads that used the variable are gone. What was only read is whole; what was being
// written or had writes queued is not, and says so.
void Variable::adopt() {
  std::lock_guard<SpinLock> guard(adoption.lock);
  if (generation_.load(std::memory_order_relaxed) == fork_generation()) return;
  if (spin_.locked() || writer_ || first_) {
    // Not assigned: another thread may have been in the middle of changing these.
    new (&spin_) SpinLock;
    new (&poison) PoisonPtr(make_poison(
        Code::unsupported, "[engine] variable: expected no write in flight when the process forked, got one"));
    writer_ = false;
    first_ = last_ = nullptr;
  }
  readers_ = 0;
  generation_.store(fork_generation(), std::memory_order_release);
}

}  // namespace mixnet

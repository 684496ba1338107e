#include "engine/deferral.h"

#include "engine/scheduler.h"

namespace mixnet {

DeferralHandle::~DeferralHandle() {
  fail(Code::internal, "[engine] defer: expected the completion to be called, got it dropped");
}

void Deferral::settle(const PoisonPtr& poison) {
  TaskOperation* mine = nullptr;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (called_) return;
    called_ = true;
    poison_ = poison;
    if (returned_) std::swap(mine, operation_);
    called_now_.notify_all();
  }
  if (mine) scheduler_.finish_deferred(mine, poison, generation_);
}

bool Deferral::returned() {
  std::lock_guard<std::mutex> lock(mutex_);
  returned_ = true;
  return called_;
}

PoisonPtr Deferral::await() {
  std::unique_lock<std::mutex> lock(mutex_);
  called_now_.wait(lock, [this] { return called_; });
  return poison_;
}

void Deferral::forget() {
  std::lock_guard<std::mutex> lock(mutex_);
  called_ = true;
}

}  // namespace mixnet

// How the scheduler carries out Engine::defer: an operation goes on once its task has returned *and* its completion was called.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>

#include "engine/completion.h"
#include "engine/operation.h"

namespace mixnet {

class Scheduler;

class Deferral {
 public:
  Deferral(Scheduler& scheduler, TaskOperation* operation, uint32_t generation)
      : scheduler_(scheduler), generation_(generation), operation_(operation) {}
  // The completion was called, with an error or none; only the first time counts.
  void settle(const PoisonPtr& poison);

  // The task has returned. False when the completion has not been called yet: it will finish the operation.
  bool returned();
  // Waits for the completion; its error.
  PoisonPtr await();
  // The task failed: what the completion says no longer counts.
  void forget();

 private:
  Scheduler& scheduler_;
  const uint32_t generation_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable called_now_;
  TaskOperation* operation_;
  bool called_ = false, returned_ = false;
  PoisonPtr poison_;
};

// What the task holds.
class DeferralHandle final : public Completion {
 public:
  explicit DeferralHandle(std::shared_ptr<Deferral> deferral) : deferral_(std::move(deferral)) {}
  ~DeferralHandle() override;
  void end() override { deferral_->settle(nullptr); }
  void fail(Code code, const std::string& message) override { deferral_->settle(make_poison(code, message)); }

 private:
  std::shared_ptr<Deferral> deferral_;
};

}  // namespace mixnet

// The naive engine: a task runs in push, on the caller's thread. For debugging, and as the reference in tests.
//
// Only what cannot run yet, because a task on the stack or another thread holds a variable, runs later, on the thread
// that gives the variable back.
#include <limits>

#include "engine/scheduler.h"

namespace mixnet {
namespace {

constexpr int64_t unbounded = std::numeric_limits<int64_t>::max();

class NaiveEngine final : public Scheduler {
 public:
  NaiveEngine() : Scheduler(unbounded, unbounded) { start_listening(); }
  ~NaiveEngine() override {
    shutdown();
    stop_listening();
  }

 protected:
  void start(TaskOperation* operation) override { execute_here(operation); }
  int32_t threads() const override { return 0; }
  void join() override {}
  bool ends_later() const override { return false; }
};

}  // namespace

std::unique_ptr<Engine> make_naive_engine() { return std::make_unique<NaiveEngine>(); }

}  // namespace mixnet

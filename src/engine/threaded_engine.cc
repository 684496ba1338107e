// The threaded engine: one lane of worker threads for each kind of work.
#include <array>

#include "base/environment.h"
#include "engine/scheduler.h"
#include "engine/worker_lane.h"

namespace mixnet {
namespace {

constexpr int64_t default_max_ops = 16384;
constexpr int64_t default_max_bytes = int64_t{4} << 30;

class ThreadedEngine final : public Scheduler {
 public:
  ThreadedEngine(int compute_threads, int io_threads)
      : Scheduler(environment_int("ENGINE_MAX_OPS", default_max_ops),
                  environment_int("ENGINE_MAX_BYTES", default_max_bytes)),
        lanes_{make_lane(compute_threads, "engine compute"), make_lane(io_threads, "engine io"),
               make_lane(1, "engine callback")} {
    start_listening();
  }
  ~ThreadedEngine() override {
    shutdown();
    stop_listening();
  }

 protected:
  void start(TaskOperation* operation) override {
    WorkerLane& lane = *lanes_[static_cast<size_t>(operation->lane)];
    serve(lane, lane.enqueue(operation));
  }

  void begin_block() override {
    if (WorkerLane* own = own_lane()) serve(*own, own->begin_block());
  }
  void end_block() override {
    if (WorkerLane* own = own_lane()) own->end_block();
  }

  int32_t threads() const override {
    int32_t count = 0;
    for (const auto& lane : lanes_) count += lane->threads();
    return count;
  }
  void join() override {
    for (auto& lane : lanes_) lane->stop();
  }

  void forked() override {
    Scheduler::forked();
    // The threads are the parent's; their handles and locks are left as they are.
    for (auto& lane : lanes_) {
      auto fresh = make_lane(lane->width(), lane->name());
      static_cast<void>(lane.release());
      lane = std::move(fresh);
    }
    WorkerLane::forget_current();
  }

 private:
  std::unique_ptr<WorkerLane> make_lane(int width, const char* name) {
    return std::make_unique<WorkerLane>(*this, width, name);
  }

  WorkerLane* own_lane() const {
    for (const auto& lane : lanes_) {
      if (lane.get() == WorkerLane::current()) return lane.get();
    }
    return nullptr;
  }

  // Without threads (the system refused) the work is done here.
  void serve(WorkerLane& lane, bool served) {
    while (!served) {
      TaskOperation* operation = lane.try_pop();
      if (!operation) return;
      execute_here(operation);
    }
  }

  std::array<std::unique_ptr<WorkerLane>, 3> lanes_;
};

}  // namespace

std::unique_ptr<Engine> make_threaded_engine(int compute_threads) {
  MIXNET_CHECK(compute_threads > 0, invalid, "[engine] compute_threads: expected at least 1, got ", compute_threads);
  const int64_t io_threads = environment_int("ENGINE_IO_NTHREADS", 4);
  MIXNET_CHECK(io_threads > 0, invalid, "[engine] MIXNET_ENGINE_IO_NTHREADS: expected at least 1, got ", io_threads);
  return std::make_unique<ThreadedEngine>(compute_threads, static_cast<int>(io_threads));
}

}  // namespace mixnet

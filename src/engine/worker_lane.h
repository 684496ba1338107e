// A queue of ready tasks, highest priority first and else in order, and the threads that run them.
//
// `width` threads run at a time. They start when first needed. One that blocks in a wait gives its place to another,
// started if need be; when it comes back there is one too many, and the next to finish its task sleeps. So there are
// never more threads than width plus the most that ever waited at once.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/spin_lock.h"
#include "engine/ready_queue.h"

namespace mixnet {

class Scheduler;

class WorkerLane {
 public:
  // name: of its threads in traces; lives for ever.
  WorkerLane(Scheduler& scheduler, int width, const char* name);
  WorkerLane(const WorkerLane&) = delete;
  WorkerLane& operator=(const WorkerLane&) = delete;

  // False when no thread runs, none can be started, and the caller has to take a task out and run it.
  bool enqueue(TaskOperation* operation);
  TaskOperation* try_pop();
  // Around a wait on one of the lane's threads. begin_block says like enqueue whether the queue is served.
  bool begin_block();
  void end_block();
  // Ends and joins the threads; the queue must be empty and stay so.
  void stop();
  int threads() const { return thread_count_.load(std::memory_order_relaxed); }
  int width() const { return width_; }
  const char* name() const { return name_; }

  // The lane this thread belongs to, or null.
  static WorkerLane* current();
  static void forget_current();

 private:
  void work();
  TaskOperation* next();
  TaskOperation* spin();
  bool sleep();
  bool summon();

  Scheduler& scheduler_;
  const int width_;
  const char* const name_;
  SpinLock queue_lock_;
  ReadyQueue queue_;
  alignas(64) std::atomic<int64_t> size_{0};
  std::atomic<int32_t> active_{0};  // threads that are awake and not blocked
  std::atomic<int32_t> thread_count_{0};

  std::mutex mutex_;  // guards the rest
  std::condition_variable wake_;
  int sleepers_ = 0;
  int calls_ = 0;  // sleepers told to get up that have not done so
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace mixnet

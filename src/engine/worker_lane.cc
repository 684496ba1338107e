#include "engine/worker_lane.h"

#include <algorithm>
#include <system_error>

#include "base/profile.h"
#include "base/worker_thread.h"
#include "engine/frame.h"
#include "engine/scheduler.h"

namespace mixnet {
namespace {

thread_local WorkerLane* current_lane = nullptr;
// This worker is between two tasks and has put one into its own queue, which it will take out itself.
thread_local bool serves_itself = false;

}  // namespace

WorkerLane::WorkerLane(Scheduler& scheduler, int width, const char* name)
    : scheduler_(scheduler), width_(std::max(1, width)), name_(name) {}

WorkerLane* WorkerLane::current() { return current_lane; }
void WorkerLane::forget_current() { current_lane = nullptr; }

// The counts are sequentially consistent: whoever adds work looks for idle places afterwards, whoever leaves its place
// looks for work afterwards, so one of the two sees the other.
bool WorkerLane::enqueue(TaskOperation* operation) {
  {
    std::lock_guard<SpinLock> lock(queue_lock_);
    queue_.push(operation);
    size_.fetch_add(1);
  }
  if (active_.load() >= width_) return true;
  if (current_lane == this && !serves_itself && !Frame::inside_task()) {
    serves_itself = true;
    return true;
  }
  return summon();
}

TaskOperation* WorkerLane::try_pop() {
  if (size_.load(std::memory_order_relaxed) == 0) return nullptr;
  std::lock_guard<SpinLock> lock(queue_lock_);
  TaskOperation* operation = queue_.pop();
  if (operation) size_.fetch_sub(1);
  return operation;
}

bool WorkerLane::begin_block() {
  active_.fetch_sub(1);
  return size_.load() == 0 || summon();
}

void WorkerLane::end_block() { active_.fetch_add(1); }

// Gets one more thread to work unless all places are taken.
bool WorkerLane::summon() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (active_.load() >= width_) return true;
  active_.fetch_add(1);
  if (sleepers_ > 0) {
    --sleepers_;
    ++calls_;
    wake_.notify_one();
    return true;
  }
  try {
    threads_.reserve(threads_.size() + 1);
    threads_.push_back(start_worker_thread([this] { work(); }));
    thread_count_.fetch_add(1, std::memory_order_relaxed);
    return true;
  } catch (const std::exception&) {
    // No thread to be had. Those awake do it; if there are none, the caller.
    return active_.fetch_sub(1) > 1;
  }
}

void WorkerLane::work() {
  current_lane = this;
  profile::name_thread(name_);
  const uint32_t generation = fork_generation();
  // In a child forked by the task itself there is nothing to come back to.
  while (TaskOperation* operation = next()) {
    scheduler_.execute(operation);
    if (fork_generation() != generation) return;
  }
}

TaskOperation* WorkerLane::next() {
  serves_itself = false;
  for (;;) {
    if (active_.load() <= width_) {
      if (TaskOperation* operation = spin()) return operation;
    }
    if (!sleep()) return nullptr;
  }
}

TaskOperation* WorkerLane::spin() {
  TaskOperation* operation = try_pop();
  // As long as it takes to wake a thread: one that waited for the last task is back by then with the next.
  constexpr std::chrono::microseconds wake_up{100};
  if (!operation) spin_until([&] { return active_.load() > width_ || (operation = try_pop()); }, wake_up);
  return operation;
}

// Gives up the place. True when there is work again, false at the end.
bool WorkerLane::sleep() {
  std::unique_lock<std::mutex> lock(mutex_);
  active_.fetch_sub(1);
  if (size_.load() > 0 && active_.load() < width_) {
    active_.fetch_add(1);
    return true;
  }
  if (stopping_) return false;
  ++sleepers_;
  wake_.wait(lock, [this] { return calls_ > 0 || stopping_; });
  if (calls_ > 0) {
    --calls_;  // the caller has counted us as active
    return true;
  }
  --sleepers_;
  return false;
}

void WorkerLane::stop() {
  std::vector<std::thread> threads;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
    wake_.notify_all();
  }
  for (std::thread& thread : threads) thread.join();
  thread_count_ = 0;
}

}  // namespace mixnet

// Threads that run the ready operations of one kind, highest priority first.
//
// A thread that waits inside a task tells the lane, which then keeps enough others running; threads made for that stay.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/operation.h"

namespace mixnet {

class LaneThreads {
 public:
  // `run` executes one operation and may return one that became ready and belongs to this lane.
  LaneThreads(int threads, std::function<Operation*(Operation*)> run) : target_(threads), run_(std::move(run)) {}
  ~LaneThreads() { stop(); }

  void add(Operation* operation) {
    std::unique_lock<std::mutex> lock(mutex_);
    ready_[-operation->options.priority].push_back(operation);
    waiting_.fetch_add(1, std::memory_order_relaxed);
    grow();
    if (sleeping_ > 0) {
      lock.unlock();
      wake_.notify_one();
    }
  }
  // Whether something more urgent than `priority` is ready.
  bool has_more_urgent(int32_t priority) {
    if (waiting_.load(std::memory_order_relaxed) == 0) return false;
    std::lock_guard<std::mutex> lock(mutex_);
    return !ready_.empty() && ready_.begin()->first < -priority;
  }
  void begin_wait() {
    std::lock_guard<std::mutex> lock(mutex_);
    ++blocked_;
    grow();
  }
  void end_wait() {
    std::lock_guard<std::mutex> lock(mutex_);
    --blocked_;
  }
  int threads() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return static_cast<int>(threads_.size());
  }
  // Joins all threads; the queue must have run dry.
  void stop() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& t : threads_) {
      if (t.joinable()) t.join();
    }
    threads_.clear();
  }

 private:
  static constexpr int most_threads = 512;
  static constexpr int spins = 2000;

  void grow() {
    const int running = static_cast<int>(threads_.size()) - blocked_;
    if (running >= target_ || ready_.empty() || stopping_ || static_cast<int>(threads_.size()) >= most_threads) return;
    threads_.emplace_back([this] { loop(); });
  }

  Operation* take() {
    for (int i = 0; i < spins && waiting_.load(std::memory_order_relaxed) == 0; ++i) pause_briefly();
    std::unique_lock<std::mutex> lock(mutex_);
    ++sleeping_;
    wake_.wait(lock, [this] { return stopping_ || !ready_.empty(); });
    --sleeping_;
    if (ready_.empty()) return nullptr;
    auto first = ready_.begin();
    Operation* operation = first->second.front();
    first->second.pop_front();
    if (first->second.empty()) ready_.erase(first);
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    return operation;
  }

  void loop() {
    while (Operation* operation = take()) {
      while (operation) operation = run_(operation);
    }
  }

  int target_;
  std::function<Operation*(Operation*)> run_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<int32_t, std::deque<Operation*>> ready_;  // by negated priority
  std::atomic<int64_t> waiting_{0};
  std::vector<std::thread> threads_;
  int sleeping_ = 0, blocked_ = 0;
  bool stopping_ = false;
};

}  // namespace mixnet

#include "device/watcher.h"

#include "base/worker_thread.h"

namespace mixnet {

Watcher::Watcher() : thread_(start_worker_thread([this] { run(); })) {}

Watcher::~Watcher() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    more_.notify_one();
  }
  thread_.join();
}

void Watcher::tell(EventPtr event, Done done) {
  const std::lock_guard<std::mutex> lock(mutex_);
  waiting_.emplace_back(std::move(event), std::move(done));
  more_.notify_one();
}

void Watcher::run() {
  for (;;) {
    std::pair<EventPtr, Done> next;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      more_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    try {
      next.first->wait();
    } catch (const Error& e) {
      next.second(&e);
      continue;
    }
    next.second(nullptr);
  }
}

}  // namespace mixnet

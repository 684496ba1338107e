// A thread that waits for events of streams, one after the other, and tells who asked for it.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "device/stream.h"

namespace mixnet {

class Watcher {
 public:
  // Null: reached; otherwise what went wrong. Must not throw.
  using Done = std::function<void(const Error*)>;

  Watcher();
  // Waits for all events that it was given.
  ~Watcher();
  void tell(EventPtr event, Done done);

 private:
  void run();

  std::mutex mutex_;  // guards the rest
  std::condition_variable more_;
  std::deque<std::pair<EventPtr, Done>> waiting_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace mixnet

// A place where threads sleep until something becomes true: a lock, a condition, a deadline and a cancel token.
//
// Polls for some microseconds before sleeping. A cancel token is seen within 50 ms: a signal handler cannot notify. A thread with an
// open queue of callbacks (HostQueue) runs those while it waits; `sleep` does not.
#pragma once
#include <condition_variable>
#include <mutex>

#include "base/function_ref.h"
#include "engine/engine.h"

namespace mixnet {

enum class WaitResult { done, timed_out, cancelled };

class Parking {
 public:
  // `done` is called with and without the lock held, so it reads atomics only.
  WaitResult wait(FunctionRef<bool()> done, const WaitOptions& options);
  WaitResult sleep(FunctionRef<bool()> done, const WaitOptions& options);
  // Runs `change` under the lock, then wakes everybody. After `change` only the place itself is touched.
  template <class F>
  void notify(F&& change) {
    std::lock_guard<std::mutex> lock(mutex_);
    change();
    condition_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
};

// Throws Code::net for a deadline that passed, Code::user for a wait that was cancelled.
void check_wait(WaitResult result, const char* place, const WaitOptions& options);

}  // namespace mixnet

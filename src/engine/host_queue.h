// Callbacks for a thread that foreign threads may not enter: an interpreter's (R, Julia 1.5).
//
// A host thread opens its queue; what is registered by it from then on is handed to the queue by whichever thread of the engine
// comes to run it. The host runs it in drain(), and while it waits in the engine (Parking). call() blocks its thread until the host has run the body;
// another of the engine's threads takes over its work meanwhile. What the body throws is thrown by call().
//
// A closed queue refuses calls; what was posted stays until the queue is opened again or its thread ends, which drops it. The thread's queue lives
// as long as somebody holds it.
#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "base/function_ref.h"
#include "engine/parking.h"

namespace mixnet {

class Frame;
struct HostCall;
struct HostQueueOwner;

class HostQueue : public std::enable_shared_from_this<HostQueue> {
 public:
  // This thread's queue, null when it has none that is open.
  static std::shared_ptr<HostQueue> current();
  static void open();
  // Runs what was posted, fails what was called. Does nothing when none is open.
  static void close();

  // Runs `body` on the host's thread and waits for its end. Throws Code::user when the queue is closed, also while waiting.
  void call(FunctionRef<void()> body);
  // Runs `body` on the host's thread some time later; it throws nothing.
  void post(std::function<void()> body);

  // For the host's thread: runs what is there; how many ran.
  int64_t drain();
  // Waits until there is something, at most as `options` says; whether there is.
  bool wait_for_work(const WaitOptions& options);
  bool has_work() const { return size_.load(std::memory_order_acquire) > 0; }

  // The host sleeps at this place until further notice, null: it does not. Returns the place before.
  Parking* sleep_at(Parking* place);

 private:
  friend struct HostQueueOwner;
  struct Item {
    FunctionRef<void()>* body = nullptr;  // of a call; the caller's stack holds all that a call needs
    HostCall* call = nullptr;
    std::function<void()> posted;
  };
  void add(Item item);
  void finish(HostCall& call);
  bool take(Item& item);
  void set_open(bool open);

  Parking callers_;   // where those sleep who called
  std::mutex mutex_;  // guards the rest
  std::deque<Item> items_;
  Parking* place_ = nullptr;
  bool open_ = false;
  std::atomic<int64_t> size_{0};
};

}  // namespace mixnet

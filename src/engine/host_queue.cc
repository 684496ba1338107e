#include "engine/host_queue.h"

#include <exception>
#include <thread>
#include <utility>

#include "engine/frame.h"

namespace mixnet {

// A call on the stack of who waits for it.
struct HostCall {
  std::atomic<bool> done{false};
  std::exception_ptr error;
  Frame* frame = nullptr;  // the task that calls: the body runs inside it
};

namespace {

// This thread's queue, open or not. Plain, because the end of the process waits for work after the thread's objects are gone.
thread_local HostQueue* own_queue = nullptr;
thread_local bool own_open = false;

[[noreturn]] void throw_closed() {
  fail(Code::user, "[callback] queue: expected the thread that registered it to have an open one, got a closed one");
}

}  // namespace

// Keeps the queue as long as its thread.
struct HostQueueOwner {
  std::shared_ptr<HostQueue> queue;
  ~HostQueueOwner() {
    if (!queue) return;
    own_open = false;
    own_queue = nullptr;
    queue->set_open(false);
  }
};

std::shared_ptr<HostQueue> HostQueue::current() { return own_open ? own_queue->shared_from_this() : nullptr; }

void HostQueue::open() {
  static thread_local HostQueueOwner owner;
  if (!owner.queue) owner.queue = std::make_shared<HostQueue>();
  own_queue = owner.queue.get();
  own_open = true;
  own_queue->set_open(true);
}

void HostQueue::close() {
  if (!own_open) return;
  own_queue->drain();
  own_open = false;
  own_queue->set_open(false);
}

void HostQueue::set_open(bool open) {
  std::deque<Item> refused;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    open_ = open;
    if (open) return;
    std::deque<Item> kept;
    for (Item& item : items_) (item.call ? refused : kept).push_back(std::move(item));
    items_ = std::move(kept);
    size_.store(static_cast<int64_t>(items_.size()), std::memory_order_release);
  }
  for (Item& item : refused) {
    try {
      throw_closed();
    } catch (...) {
      item.call->error = std::current_exception();
    }
    finish(*item.call);
  }
}

// The call is gone as soon as it is done.
void HostQueue::finish(HostCall& call) {
  callers_.notify([&call] { call.done.store(true, std::memory_order_release); });
}

void HostQueue::call(FunctionRef<void()> body) {
  if (own_queue == this) return body();  // the host's own thread
  HostCall call;
  call.frame = Frame::top();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!open_) throw_closed();
    Item item;
    item.body = &body;
    item.call = &call;
    add(std::move(item));
  }
  engine().blocking([&] { callers_.wait([&] { return call.done.load(std::memory_order_acquire); }, {}); });
  if (call.error) std::rethrow_exception(call.error);
}

void HostQueue::post(std::function<void()> body) {
  if (own_queue == this) return body();
  std::lock_guard<std::mutex> lock(mutex_);
  Item item;
  item.posted = std::move(body);
  add(std::move(item));
}

// Under the lock, so that the place where the host sleeps is still there.
void HostQueue::add(Item item) {
  items_.push_back(std::move(item));
  size_.fetch_add(1, std::memory_order_release);
  if (place_) place_->notify([] {});
}

bool HostQueue::take(Item& item) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (items_.empty()) return false;
  item = std::move(items_.front());
  items_.pop_front();
  size_.fetch_sub(1, std::memory_order_release);
  return true;
}

int64_t HostQueue::drain() {
  int64_t ran = 0;
  for (Item item; has_work() && take(item); ++ran) {
    if (!item.call) {
      try {
        item.posted();
      } catch (...) {  // of a destroy there is nobody to tell
      }
      item.posted = nullptr;
      continue;
    }
    Frame::Adopted inside(item.call->frame);
    try {
      (*item.body)();
    } catch (...) {
      item.call->error = std::current_exception();
    }
    finish(*item.call);
  }
  return ran;
}

bool HostQueue::wait_for_work(const WaitOptions& options) {
  Parking here;
  Parking* const before = sleep_at(&here);
  here.sleep([this] { return has_work(); }, options);
  sleep_at(before);
  return has_work();
}

Parking* HostQueue::sleep_at(Parking* place) {
  std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(place_, place);
}

}  // namespace mixnet

#include "engine/in_flight.h"

#include <algorithm>

#include "engine/host_queue.h"

namespace mixnet {
namespace {

class CountedWaiter {
 public:
  explicit CountedWaiter(std::atomic<int32_t>& count) : count_(count) { count_.fetch_add(1); }
  ~CountedWaiter() { count_.fetch_sub(1); }
  CountedWaiter(const CountedWaiter&) = delete;
  CountedWaiter& operator=(const CountedWaiter&) = delete;

 private:
  std::atomic<int32_t>& count_;
};

}  // namespace

// Whoever had to wait is let in at three quarters: one switch of threads serves many pushes.
InFlight::InFlight(int64_t max_ops, int64_t max_bytes)
    : max_ops_(std::max<int64_t>(1, max_ops)),
      resume_ops_(std::max<int64_t>(1, max_ops_ - max_ops_ / 4)),
      max_bytes_(std::max<int64_t>(1, max_bytes)) {}

void InFlight::add(int64_t bytes) {
  operations_.fetch_add(1);
  if (bytes) bytes_.fetch_add(bytes);
}

bool InFlight::try_add(int64_t bytes, int64_t limit) {
  if (bytes) {
    int64_t held = bytes_.load();
    do {
      if (held > 0 && held > max_bytes_ - bytes) return false;
    } while (!bytes_.compare_exchange_weak(held, held + bytes));
  }
  int64_t count = operations_.load();
  do {
    if (count >= limit) {
      if (bytes) bytes_.fetch_sub(bytes);
      return false;
    }
  } while (!operations_.compare_exchange_weak(count, count + 1));
  return true;
}

WaitResult InFlight::add_bounded(int64_t bytes, const std::atomic<bool>& stopping, const WaitOptions& options,
                                 bool* added) {
  *added = try_add(bytes, max_ops_);
  if (*added) return WaitResult::done;
  CountedWaiter waiter(waiters_);
  // Who pushes may hold locks that a callback wants, so none runs here; when one has to run first, there is no waiting for it.
  const std::shared_ptr<HostQueue> queue = HostQueue::current();
  Parking* const before = queue ? queue->sleep_at(&parking_) : nullptr;
  auto let_in = [&] {
    if (stopping.load() || (*added = try_add(bytes, resume_ops_))) return true;
    return queue && queue->has_work();
  };
  const WaitResult result = parking_.sleep(let_in, options);
  if (queue) queue->sleep_at(before);
  if (result == WaitResult::done && !*added && !stopping.load()) {
    add(bytes);
    *added = true;
  }
  return result;
}

void InFlight::remove(int64_t bytes) {
  if (bytes) bytes_.fetch_sub(bytes);
  const int64_t left = operations_.fetch_sub(1) - 1;
  if (waiters_.load() > 0 && (left < resume_ops_ || bytes)) wake();
}

WaitResult InFlight::wait_until_none(const WaitOptions& options) {
  CountedWaiter waiter(waiters_);
  return parking_.wait([this] { return operations_.load() == 0; }, options);
}

void InFlight::wake() {
  parking_.notify([] {});
}

}  // namespace mixnet

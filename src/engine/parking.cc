#include "engine/parking.h"

#include <algorithm>
#include <chrono>

#include "base/spin_lock.h"
#include "engine/host_queue.h"

namespace mixnet {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds cancel_poll{50};
constexpr double longest_s = 1e8;  // beyond this the clock's arithmetic would overflow

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

WaitResult Parking::wait(FunctionRef<bool()> done, const WaitOptions& options) {
  const std::shared_ptr<HostQueue> queue = HostQueue::current();
  if (!queue) return sleep(done, options);
  const auto start = Clock::now();
  for (WaitOptions rest = options;; rest.timeout_s = std::max(0.0, options.timeout_s - seconds_since(start))) {
    if (options.timeout_s < 0) rest.timeout_s = options.timeout_s;
    Parking* const before = queue->sleep_at(this);
    const WaitResult result = sleep([&] { return done() || queue->has_work(); }, rest);
    queue->sleep_at(before);
    if (done()) return WaitResult::done;
    if (result != WaitResult::done) return result;
    queue->drain();
  }
}

WaitResult Parking::sleep(FunctionRef<bool()> done, const WaitOptions& options) {
  if (done()) return WaitResult::done;
  const bool bounded = options.timeout_s >= 0 && options.timeout_s < longest_s;
  const auto deadline =
      bounded
          ? Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.timeout_s))
          : Clock::time_point::max();
  if (spin_until(done)) return WaitResult::done;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!done()) {
    if (options.cancel && options.cancel->cancelled()) return WaitResult::cancelled;
    if (!bounded && !options.cancel) {
      condition_.wait(lock);
      continue;
    }
    const auto now = Clock::now();
    if (now >= deadline) return WaitResult::timed_out;
    condition_.wait_until(lock, options.cancel ? std::min(deadline, now + cancel_poll) : deadline);
  }
  return WaitResult::done;
}

void check_wait(WaitResult result, const char* place, const WaitOptions& options) {
  if (result == WaitResult::timed_out) {
    fail(Code::net, "[", place, "] timeout: expected the work to be done in ", options.timeout_s, " s, got a time-out");
  }
  if (result == WaitResult::cancelled) {
    fail(Code::user, "[", place, "] cancel: expected the work to be done, got cancelled by the caller");
  }
}

}  // namespace mixnet

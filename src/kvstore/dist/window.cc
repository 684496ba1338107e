#include "kvstore/dist/window.h"

#include <algorithm>

namespace mixnet {
namespace dist {
namespace {

constexpr double slack_s = 0.005;
constexpr double period_s = 10;

}  // namespace

Window::Window(int64_t least, int64_t most) : least_(std::min(least, most)), most_(most), bytes_(least_) {}

void Window::answered(int64_t bytes, double latency_s, double now) {
  // A link may become slower for good. With the least under way what the new period knows is the link, not our own queue.
  if (quickest_ < 0 || now - period_began_ > period_s) {
    bytes_ = least_;
    quickest_before_ = quickest_ < 0 ? latency_s : quickest_;
    quickest_ = latency_s;
    period_began_ = now;
  }
  quickest_ = std::min(quickest_, latency_s);
  const bool slow = latency_s > std::min(quickest_, quickest_before_) + slack_s;
  bytes_ = slow ? std::max(least_, bytes_ - bytes) : std::min(most_, bytes_ + bytes);
}

}  // namespace dist
}  // namespace mixnet

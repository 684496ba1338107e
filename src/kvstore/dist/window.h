// How many bytes of pushes to one server may be under way.
//
// What is under way cannot be overtaken by what is more urgent, so it should be no more than the link needs to be busy. The window grows by
// what was answered while answers come quickly, and shrinks by it while they take `slack_s` longer than the quickest of late: a slow link gets
// `least`, one that is fast, or far and fast, `most`.
#pragma once
#include <cstdint>

namespace mixnet {
namespace dist {

class Window {
 public:
  Window() = default;
  Window(int64_t least, int64_t most);
  int64_t bytes() const { return bytes_; }
  // Some bytes were answered so long after they were sent.
  void answered(int64_t bytes, double latency_s, double now);

 private:
  int64_t least_ = 0, most_ = 0, bytes_ = 0;
  // The quickest answers of this period and of the one before; negative: none.
  double quickest_ = -1, quickest_before_ = -1, period_began_ = 0;
};

}  // namespace dist
}  // namespace mixnet

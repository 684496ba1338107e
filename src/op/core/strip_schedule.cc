#include "op/core/strip_schedule.h"

#include <algorithm>

namespace mixnet {

bool can_strip(const RowWindow& w, int64_t in_rows, int64_t out_rows) {
  return in_rows > 0 && out_rows > 0 && w.pad < w.reach && (out_rows - 1) * w.stride - w.pad < in_rows;
}

StripSchedule schedule_strips(Span<const RowWindow> windows, Span<const int64_t> rows, int64_t height) {
  const size_t members = windows.size();
  const int64_t last_rows = rows[members];
  std::vector<int64_t> done(members, 0);
  StripSchedule schedule;
  for (int64_t at = 0; at < last_rows; at += height) {
    std::vector<StripStep> strip(members);
    int64_t first = at, last = std::min(last_rows, at + height);
    for (size_t m = members; m-- > 0 && last > first;) {
      const RowWindow& w = windows[m];
      StripStep& step = strip[m];
      const int64_t start = first * w.stride - w.pad;
      step.out_first = first;
      step.out_last = done[m] = last;
      step.in_first = std::max<int64_t>(0, start);
      step.in_last = std::min(rows[m], (last - 1) * w.stride - w.pad + w.reach);
      step.above = step.in_first - start;
      step.below = step.in_last == rows[m] ? w.pad : 0;
      first = m > 0 ? std::max(step.in_first, done[m - 1]) : 0;
      last = step.in_last;
    }
    schedule.push_back(std::move(strip));
  }
  return schedule;
}

int64_t most_rows(const StripSchedule& schedule, size_t m) {
  int64_t most = 0;
  for (const std::vector<StripStep>& strip : schedule) most = std::max(most, strip[m].in_rows());
  return most;
}

}  // namespace mixnet

// Which rows each member of a chain of operators computes in which strip: every row at most once, as late as it is needed.
//
// Going backward from a strip of the last result, a member's window says which rows of its input it needs; of these its producer computes
// those that it has not computed for an earlier strip. The others are kept. Linear in strips and members.
#pragma once
#include <vector>

#include "base/span.h"
#include "op/core/rows.h"

namespace mixnet {

// What one member does for one strip: rows of its input, from which it computes rows of its result.
struct StripStep {
  int64_t in_first = 0, in_last = 0, out_first = 0, out_last = 0;
  int64_t above = 0, below = 0;  // rows of padding that its windows may reach
  bool runs() const { return out_last > out_first; }
  int64_t in_rows() const { return in_last - in_first; }
  int64_t out_rows() const { return out_last - out_first; }
};

// By strip, by member.
using StripSchedule = std::vector<std::vector<StripStep>>;

// Whether each of these windows has a row that is not padding.
bool can_strip(const RowWindow& window, int64_t in_rows, int64_t out_rows);

// `rows`: of the chain's input, then of each member's result. `height`: rows of a strip of the last one.
StripSchedule schedule_strips(Span<const RowWindow> windows, Span<const int64_t> rows, int64_t height);

// The most rows of its input that member m has at once.
int64_t most_rows(const StripSchedule& schedule, size_t m);

}  // namespace mixnet

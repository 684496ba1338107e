// What a worker pushed for a part: all of it, or rows.
#pragma once
#include <string>
#include <vector>

#include "kvstore/dist/wire.h"
#include "ndarray/ndarray.h"
#include "optimizer/optimizer.h"

namespace mixnet {
namespace dist {

struct Gradient {
  NDArray values;             // flat; for reading only, as it may lie in a message
  std::vector<int64_t> rows;  // ascending: whose elements are in `values`, `width` each
  int64_t width = 0;          // 0: values has the whole part
};

// Throws Code::net for what a record cannot say.
Gradient read_gradient(const Record& record);
// `sum` + `next` of a part of `count` elements, in `sum`'s memory when it is its own; none + next is next. Rows stay rows when both are.
Gradient sum_with(Gradient sum, const Gradient& next, int64_t count);
// All of a part: zero but for the rows.
NDArray whole(const Gradient& gradient, int64_t count);
// A step of the rows alone, for an optimizer that is by_row.
void step_rows(Optimizer& optimizer, const std::string& key, const NDArray& value, const Gradient& gradient);

}  // namespace dist
}  // namespace mixnet

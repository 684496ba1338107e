// Where the elements of a reduced tensor come to stand in the tensor that it was made from.
#pragma once
#include "op/core/axes.h"

namespace mixnet::op::spread_like {

struct Params : ReduceParams {
  bool mean = false;
};

struct Spread {
  StridedLoop<2> loop;  // (whole, reduced), in row-major order of the whole
  int64_t count = 1;    // copies of an element
  Spread(const Shape& whole, const std::vector<bool>& reduced) {
    const auto stride = row_major_strides(whole);
    int64_t from[Shape::max_ndim], next = 1;
    for (int i = whole.ndim() - 1; i >= 0; --i) {
      const bool gone = reduced[static_cast<size_t>(i)];
      from[i] = gone ? 0 : next;
      (gone ? count : next) *= whole[i];
    }
    for (int i = 0; i < whole.ndim(); ++i) loop.add(whole[i], {stride[static_cast<size_t>(i)], from[i]});
  }
};

}  // namespace mixnet::op::spread_like

// The parameters of argmax and argmin, and where their elements are.
#pragma once
#include "op/reduce/reduction.h"

namespace mixnet::op::arg_extreme {

struct Params {
  std::optional<int64_t> axis;
  bool keepdims = false;
};

// The input as (outer, n, inner) around the axis.
struct Split {
  int64_t outer = 1, n = 1, inner = 1;
  Split(const Shape& s, std::optional<int64_t> axis) {
    if (!axis) {
      n = s.size();
      return;
    }
    const int a = normalize_axis(*axis, s.ndim(), "argmax");
    outer = s.size(0, a);
    n = s[a];
    inner = s.size(a + 1, s.ndim());
  }
};

}  // namespace mixnet::op::arg_extreme

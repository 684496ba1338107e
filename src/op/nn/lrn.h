// Parameters of LRN, shared with its device siblings.
#pragma once
#include "op/core/builder.h"

namespace mixnet::op::lrn {

struct Params {
  double alpha = 1e-4, beta = 0.75, knorm = 2;
  int64_t nsize = 0;
};

struct Sizes {
  int64_t n, channels, inner;
  explicit Sizes(const Shape& s) : n(s[0]), channels(s[1]), inner(s.size(2, s.ndim())) {}
};

}  // namespace mixnet::op::lrn

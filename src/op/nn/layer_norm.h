// Parameters of LayerNorm and the rows that it sees, shared with its device siblings.
#pragma once
#include "op/nn/normalize.h"

namespace mixnet::op::layer_norm {

struct Params {
  int64_t axis = -1;
  double eps = 1e-5;
  bool output_mean_var = false;
};

inline NormRows rows(const Params& p, const Shape& s) {
  const int axis = static_cast<int>(p.axis < 0 ? p.axis + s.ndim() : p.axis);
  return {s.size(0, axis), s[axis], s.size(axis + 1, s.ndim()), 0};
}

}  // namespace mixnet::op::layer_norm

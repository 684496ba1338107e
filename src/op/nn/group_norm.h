// Parameters of GroupNorm and the rows that it sees, shared with its device siblings.
#pragma once
#include "op/nn/normalize.h"

namespace mixnet::op::group_norm {

struct Params {
  int64_t num_groups = 1;
  double eps = 1e-5;
  bool output_mean_var = false;
};

inline NormRows rows(const Params& p, const Shape& s) {
  return {s[0] * p.num_groups, s[1] / p.num_groups * s.size(2, s.ndim()), 1, p.num_groups};
}

}  // namespace mixnet::op::group_norm

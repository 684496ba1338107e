// Parameters of InstanceNorm and the rows that it sees, shared with its device siblings.
#pragma once
#include "op/nn/normalize.h"

namespace mixnet::op::instance_norm {

struct Params {
  double eps = 1e-3;
};

inline NormRows rows(const Params&, const Shape& s) { return {s[0] * s[1], s.size(2, s.ndim()), 1, s[1]}; }

}  // namespace mixnet::op::instance_norm

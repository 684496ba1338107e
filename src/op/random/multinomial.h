// Parameters of _sample_multinomial and its gradient.
#pragma once
#include "base/dtype.h"
#include "base/shape.h"

namespace mixnet::op::multinomial {

struct Params {
  Shape shape{};
  bool get_prob = false;
  DType dtype = DType::i32;
};

// Draws per distribution.
inline int64_t each(const Params& p) { return p.shape.ndim() ? p.shape.size() : 1; }

}  // namespace mixnet::op::multinomial

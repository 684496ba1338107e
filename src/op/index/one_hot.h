// Parameters of one_hot, shared with the device sibling.
#pragma once
#include "base/dtype.h"

namespace mixnet::op::one_hot {

struct Params {
  int64_t depth = 1;
  double on_value = 1, off_value = 0;
  DType dtype = DType::f32;
};

}  // namespace mixnet::op::one_hot

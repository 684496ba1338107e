// Parameters of _contrib_boolean_mask, shared with the device sibling.
#pragma once
#include "base/shape.h"

namespace mixnet::op::boolean_mask {

struct Params {
  int64_t axis = 0;
};

inline int axis_of(const Params& p, const Shape& data) {
  return normalize_axis(p.axis, data.ndim(), "_contrib_boolean_mask");
}

}  // namespace mixnet::op::boolean_mask

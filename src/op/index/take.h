// Parameters of take, shared with the device sibling.
#pragma once
#include "op/index/rows.h"

namespace mixnet::op::take {

struct Params {
  int64_t axis = 0;
  IndexMode mode = IndexMode::clip;
};

inline Rows rows(const Params& p, const Shape& data, const TensorView& indices) {
  return Rows(data, indices, normalize_axis(p.axis, data.ndim(), "take"), p.mode);
}

}  // namespace mixnet::op::take

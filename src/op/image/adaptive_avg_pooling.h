// The parameters of _contrib_AdaptiveAvgPooling2D, and which pixels a cell covers.
#pragma once
#include "base/on_device.h"
#include "base/shape.h"

namespace mixnet::op::adaptive_avg_pooling {

struct Params {
  Shape output_size{};
  int64_t extent(int axis) const {
    return output_size.ndim() == 0 ? 1 : output_size[output_size.ndim() == 1 ? 0 : axis];
  }
};

// Cells overlap where the extents do not divide: cell i covers [floor(i in / out), ceil((i + 1) in / out)).
MIXNET_ON_DEVICE inline int64_t begin_of(int64_t i, int64_t in, int64_t out) { return i * in / out; }
MIXNET_ON_DEVICE inline int64_t end_of(int64_t i, int64_t in, int64_t out) { return ((i + 1) * in + out - 1) / out; }

}  // namespace mixnet::op::adaptive_avg_pooling

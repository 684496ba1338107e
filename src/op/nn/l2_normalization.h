// Parameters of L2Normalization and the rows that it sees, shared with its device siblings.
#pragma once
#include "op/core/builder.h"

namespace mixnet::op::l2_normalization {

enum class Mode { channel, instance, spatial };
struct Params {
  double eps = 1e-10;
  Mode mode = Mode::instance;
};

// Row (o, i) has the elements (o * length + k) * inner + i.
struct Sizes {
  int64_t outer, length, inner = 1;
  Sizes(const Params& p, const Shape& s) {
    const int split = p.mode == Mode::spatial ? 2 : 1;
    outer = s.size(0, split);
    length = p.mode == Mode::channel ? s[1] : s.size(split, s.ndim());
    if (p.mode == Mode::channel) inner = s.size(2, s.ndim());
  }
  MIXNET_ON_DEVICE int64_t start(int64_t row) const { return row / inner * length * inner + row % inner; }
  int64_t grain() const { return std::max<int64_t>(1, 4096 / std::max<int64_t>(1, length)); }
};

}  // namespace mixnet::op::l2_normalization

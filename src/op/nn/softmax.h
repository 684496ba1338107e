// Parameters of softmax and its relatives, and what they see of a tensor, shared with its device siblings.
#pragma once
#include "op/core/builder.h"

namespace mixnet::op::softmax {

enum class Mode { instance, channel };
struct Params {
  int64_t axis = -1;
  std::optional<double> temperature;
  std::optional<DType> dtype;
  bool use_length = false;
  Mode mode = Mode::instance;  // SoftmaxActivation
};

struct Sizes {
  int64_t outer, n, inner;
  Sizes(const Shape& s, int64_t axis) {
    const int a = s.ndim() == 0 ? 0 : normalize_axis(axis, s.ndim(), "softmax");
    outer = s.size(0, a);
    n = s.ndim() == 0 ? 1 : s[a];
    inner = s.ndim() == 0 ? 1 : s.size(a + 1, s.ndim());
  }
};

// SoftmaxActivation. An instance is a row along the last axis, whatever comes before it: this is what MXNet computes.
inline Sizes activation_sizes(const Params& p, const Shape& s) { return Sizes(s, p.mode == Mode::channel ? 1 : -1); }

}  // namespace mixnet::op::softmax

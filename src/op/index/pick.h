// Parameters of pick and the elements they mean, shared with the device sibling.
#pragma once
#include <optional>

#include "op/index/indices.h"

namespace mixnet::op::pick {

enum class Mode { clip, wrap };
struct Params {
  std::optional<int64_t> axis = -1;
  bool keepdims = false;
  Mode mode = Mode::clip;
};

// data as (outer, n, inner) around the axis; without one it is a single line.
struct Lines {
  int64_t outer = 1, n, inner = 1;
  Indices index;
  Mode mode;
  Lines(const Params& p, const Shape& s, const TensorView& indices) : n(s.size()), index(indices), mode(p.mode) {
    if (!p.axis) return;
    const int a = normalize_axis(*p.axis, s.ndim(), "pick");
    outer = s.size(0, a);
    n = s[a];
    inner = s.size(a + 1, s.ndim());
  }
  // The element picked from line l.
  MIXNET_ON_DEVICE int64_t at(int64_t l) const {
    const int64_t i = mode == Mode::wrap ? index.wrapped(l, n) : index.clipped(l, n);
    return (l / inner * n + i) * inner + l % inner;
  }
};

}  // namespace mixnet::op::pick

// What the kernels of _contrib_sdp_attention share: parameters, extents, the scale.
#pragma once
#include <algorithm>
#include <cmath>
#include <optional>

#include "base/shape.h"

namespace mixnet::op::sdp_attention {

struct Params {
  bool use_mask = false, causal = false;
  std::optional<double> scale;
};
struct Sizes {
  int64_t matrices, heads, queries, keys, depth, width;  // width: of a value
  Sizes(const Shape& q, const Shape& v)
      : matrices(q[0] * q[1]), heads(q[1]), queries(q[2]), keys(v[2]), depth(q[3]), width(v[3]) {}
};

template <class T>
T scale_of(const Params& p, const Sizes& s) {
  return p.scale ? static_cast<T>(*p.scale) : 1 / std::sqrt(static_cast<T>(std::max<int64_t>(1, s.depth)));
}

}  // namespace mixnet::op::sdp_attention

// Parameters of topk, sort and argsort, and the lines they mean, shared with the device sibling.
#pragma once
#include <optional>

#include "base/dtype.h"
#include "base/on_device.h"
#include "base/shape.h"
#include "op/core/sort_key.h"

namespace mixnet::op::topk {

enum class Return { both, indices, mask, value };
struct Params {
  std::optional<int64_t> axis = -1;
  int64_t k = 1;  // below 1: all
  Return ret = Return::indices;
  bool is_ascend = false;
  DType dtype = DType::f32;
};

// data as (outer, n, inner) around the axis; the first k of every line are wanted.
struct Lines {
  int64_t outer = 1, n, inner = 1, k;
  Lines(const Params& p, const Shape& s) : n(s.size()) {
    if (p.axis) {
      const int a = normalize_axis(*p.axis, s.ndim(), "topk");
      outer = s.size(0, a);
      n = s[a];
      inner = s.size(a + 1, s.ndim());
    }
    k = p.k < 1 ? n : p.k;
  }
  MIXNET_ON_DEVICE int64_t count() const { return outer * inner; }
  // Element i of line l in a tensor with `extent` elements along the axis.
  MIXNET_ON_DEVICE int64_t at(int64_t l, int64_t i, int64_t extent) const {
    return (l / inner * extent + i) * inner + l % inner;
  }
};

}  // namespace mixnet::op::topk

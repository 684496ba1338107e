// Parameters of topk, sort and argsort, the lines they mean and the order of elements, shared with the device sibling.
#pragma once
#include <cstring>
#include <limits>
#include <optional>

#include "base/dtype.h"
#include "base/on_device.h"
#include "base/shape.h"

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

// NaN counts as larger than everything.
template <class T>
MIXNET_ON_DEVICE uint64_t key_of(T value) {
  constexpr uint64_t sign = uint64_t{1} << 63;
  const auto x = static_cast<accumulator_t<T>>(value);
  if constexpr (std::numeric_limits<decltype(x + x)>::is_integer) return static_cast<uint64_t>(x) ^ sign;
  const double d = static_cast<double>(x) + 0.0;  // one zero
  if (d != d) return ~uint64_t{0};
  uint64_t bits;
  std::memcpy(&bits, &d, sizeof bits);
  return bits & sign ? ~bits : bits | sign;
}

}  // namespace mixnet::op::topk

// Parameters of _interleaved_attention and its operands, shared with its device sibling.
#pragma once
#include <cmath>
#include <optional>

#include "base/span.h"
#include "op/contrib/interleaved_matmul.h"

namespace mixnet::op::interleaved_attention {

struct Params {
  int64_t heads = 1;
  bool separate = false;  // queries are a tensor of their own
  bool use_mask = false;
  std::optional<double> scale;

  size_t projections() const { return separate ? 2 : 1; }
};

template <class T>
using Part = interleaved_matmul::Part<T>;

template <class T>
struct Operands {
  Part<T> q, k, v;
  Operands(const Params& p, Span<const TensorView> in)
      : q(in[0], p.heads, p.separate ? 1 : 3, 0),
        k(in[p.separate ? 1 : 0], p.heads, p.separate ? 2 : 3, p.separate ? 0 : 1),
        v(in[p.separate ? 1 : 0], p.heads, p.separate ? 2 : 3, p.separate ? 1 : 2) {}
};

inline double scale_of(const Params& p, int64_t depth) {
  return p.scale ? *p.scale : 1 / std::sqrt(static_cast<double>(depth));
}

}  // namespace mixnet::op::interleaved_attention

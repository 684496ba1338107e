// Parameters of dot and batch_dot and the matrices that they see, shared with their device siblings.
#pragma once
#include "op/core/builder.h"

namespace mixnet::op::dot {

enum class Storage { none, csr, dense, row_sparse };
struct Params {
  bool transpose_a = false, transpose_b = false;
  Storage forward_stype = Storage::none;
};

// lhs as (m, k), rhs as (k, n): the contracted axis is the last of lhs and the first of rhs, or the other way round
// when transposed.
struct Sizes {
  int64_t m, n, k, k2;
  Sizes(const Params& p, const Shape& a, const Shape& b) {
    k = p.transpose_a ? a[0] : a.back();
    m = p.transpose_a ? a.size(1, a.ndim()) : a.size(0, a.ndim() - 1);
    k2 = p.transpose_b ? b.back() : b[0];
    n = p.transpose_b ? b.size(0, b.ndim() - 1) : b.size(1, b.ndim());
  }
};

// The last two axes.
inline Shape matrix(const Shape& s) { return Shape(s.data() + s.ndim() - 2, 2); }

}  // namespace mixnet::op::dot

// Parameters of linalg_gemm and the matrices that it sees, shared with its device siblings.
#pragma once
#include "op/core/builder.h"

namespace mixnet::op::linalg_gemm {

struct Params {
  bool transpose_a = false, transpose_b = false;
  double alpha = 1, beta = 1;
  int64_t axis = -2;
};

// A tensor as matrices: (outer, rows, between, columns).
struct Matrices {
  int64_t outer, rows, between, columns;
  Matrices(const Shape& s, int64_t axis) {
    const int a = static_cast<int>(axis < 0 ? axis + s.ndim() : axis);
    outer = s.size(0, a);
    rows = s[a];
    between = s.size(a + 1, s.ndim() - 1);
    columns = s.back();
  }
  int64_t pitch() const { return between * columns; }
  int64_t count() const { return outer * between; }
  int64_t at(int64_t i) const { return i / between * rows * pitch() + i % between * columns; }
};

}  // namespace mixnet::op::linalg_gemm

// A tensor as a batch of matrices: its last two dimensions are rows and columns, all others count matrices.
#pragma once
#include "op/core/wide.h"

namespace mixnet::op {

struct Matrices {
  int64_t count, rows, columns;
  explicit Matrices(const Shape& s) : count(s.size(0, s.ndim() - 2)), rows(s[s.ndim() - 2]), columns(s.back()) {}
  int64_t area() const { return rows * columns; }

  // f(i) for every matrix, shared out among threads by the cube of the extent.
  template <class F>
  void each(F f) const {
    const int64_t work = std::max<int64_t>(1, rows * columns * columns);
    parallel_for(count, std::max<int64_t>(1, 20000 / work), [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) f(i);
    });
  }
};

// One number per matrix; a single matrix gives (1,).
inline Shape one_per_matrix(const Shape& s) { return s.ndim() > 2 ? Shape(s.data(), s.ndim() - 2) : Shape{1}; }

// Input i is a batch of square matrices. False while its rank is not known.
inline bool infer_square(InferShape& c, int i) {
  c.expect_ndim(i, 2, Shape::max_ndim);
  Shape s = c.in[static_cast<size_t>(i)];
  if (!s.ndim_known()) return false;
  const int n = s.ndim();
  if (s[n - 1] >= 0 && s[n - 2] >= 0 && s[n - 1] != s[n - 2])
    c.fail(Code::shape, concat(c.input_name(i), ": expected square matrices, got ", s));
  s[n - 1] = s[n - 2] = std::max(s[n - 1], s[n - 2]);
  c.set_in(i, s);
  return true;
}
// Square matrices in, square matrices of the same shape out.
inline void infer_square_same(InferShape& c) {
  c.set_in(0, c.out[0]);
  if (infer_square(c, 0)) c.set_out(0, c.in[0]);
}

}  // namespace mixnet::op

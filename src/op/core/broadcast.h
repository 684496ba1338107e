// NumPy's broadcasting rule: shapes are aligned at their last dimension; an extent of 1 repeats.
#pragma once
#include "op/core/infer.h"
#include "op/core/strided_loop.h"

namespace mixnet {

// The shape of a op b, as far as it is known. Throws Code::shape.
Shape broadcast_shape(const InferContext& c, const Shape& a, const Shape& b);
// Inference of a binary broadcasting operator.
void infer_broadcast(InferShape& c);

// Strides of `in` seen as `out`; 0 where an extent of 1 repeats.
inline std::array<int64_t, Shape::max_ndim> broadcast_strides(const Shape& in, const Shape& out) {
  const auto own = row_major_strides(in);
  std::array<int64_t, Shape::max_ndim> strides{};
  const int shift = out.ndim() - in.ndim();
  for (int i = 0; i < in.ndim(); ++i)
    strides[static_cast<size_t>(i + shift)] = in[i] == 1 ? 0 : own[static_cast<size_t>(i)];
  return strides;
}

// A loop over `out` with operands (out, a, b).
inline StridedLoop<3> broadcast_loop(const Shape& out, const Shape& a, const Shape& b) {
  const auto so = row_major_strides(out), sa = broadcast_strides(a, out), sb = broadcast_strides(b, out);
  StridedLoop<3> loop;
  for (int i = 0; i < out.ndim(); ++i) {
    const size_t d = static_cast<size_t>(i);
    loop.add(out[i], {so[d], sa[d], sb[d]});
  }
  return loop;
}

}  // namespace mixnet

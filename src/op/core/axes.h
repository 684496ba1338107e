// The axis, keepdims and exclude parameters that reductions share.
#pragma once
#include <vector>

#include "op/core/builder.h"
#include "op/core/strided_loop.h"

namespace mixnet {

struct ReduceParams {
  std::optional<Shape> axis;
  bool keepdims = false;
  bool exclude = false;
};

// Which axes of a tensor of this many dimensions are reduced. Throws Code::invalid.
inline std::vector<bool> reduced_axes(const ReduceParams& p, int ndim, const char* place) {
  const bool all = !p.axis || p.axis->ndim() == 0;
  std::vector<bool> reduced(static_cast<size_t>(ndim), all != (p.exclude && !all));
  if (all) return reduced;
  std::fill(reduced.begin(), reduced.end(), p.exclude);
  for (int64_t a : *p.axis) {
    const size_t i = static_cast<size_t>(normalize_axis(a, ndim, place));
    MIXNET_CHECK(reduced[i] == p.exclude, invalid, "[", place, "] axis: expected every axis once, got ", *p.axis);
    reduced[i] = !p.exclude;
  }
  return reduced;
}

inline Shape reduced_shape(const Shape& in, const std::vector<bool>& reduced, bool keepdims) {
  Shape out;
  for (int i = 0; i < in.ndim(); ++i) {
    if (!reduced[static_cast<size_t>(i)]) out.push_back(in[i]);
    else if (keepdims) out.push_back(1);
  }
  // MXNet has no scalars: a full reduction gives one element.
  if (out.ndim() == 0) out.push_back(1);
  return out;
}

template <class P>
void add_reduce_params(OpBuilder<P>& op) {
  op.param("axis", &P::axis).doc("Axes to reduce, negative ones from the end; none means all.");
  op.param("keepdims", &P::keepdims).doc("Keeps reduced axes with extent 1.");
  op.param("exclude", &P::exclude).doc("Reduces the axes that are not listed.");
}

}  // namespace mixnet

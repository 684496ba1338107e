// Parameters of Dropout and the shape of its mask, shared with its device siblings.
#pragma once
#include "op/core/builder.h"

namespace mixnet::op::dropout {

enum class Mode { always, training };
struct Params {
  double p = 0.5;
  Mode mode = Mode::training;
  Shape axes;
  bool cudnn_off = false;
};

// The mask holds 0 or 1 / (1 - p); it has extent 1 along `axes`.
inline Shape mask_shape(const Params& p, const Shape& in) {
  Shape mask = in;
  for (int64_t a : p.axes) mask[normalize_axis(a, in.ndim(), "Dropout")] = 1;
  return mask;
}

}  // namespace mixnet::op::dropout

// The parameters of SoftmaxOutput, and which elements make a row.
#pragma once
#include <algorithm>

#include "base/on_device.h"
#include "base/shape.h"

namespace mixnet::op::softmax_output {

enum class Norm { batch, null, valid };
struct Params {
  double grad_scale = 1, ignore_label = -1, smooth_alpha = 0;
  bool multi_output = false, use_ignore = false, preserve_shape = false, out_grad = false;
  Norm normalization = Norm::null;
};

struct Sizes {
  int64_t outer, classes, inner;  // inner: positions per instance with multi_output
  Sizes(const Params& p, const Shape& s) {
    const int axis = p.multi_output ? 1 : p.preserve_shape ? s.ndim() - 1 : 1;
    outer = s.size(0, axis);
    classes = p.multi_output || p.preserve_shape ? s[axis] : s.size(1, s.ndim());
    inner = p.multi_output ? s.size(2, s.ndim()) : 1;
  }
  // Where row k begins; its elements are `inner` apart.
  MIXNET_ON_DEVICE int64_t start(int64_t k) const { return k / inner * classes * inner + k % inner; }
  int64_t grain() const { return std::max<int64_t>(1, 4096 / std::max<int64_t>(1, classes)); }
};

// What the gradient is multiplied by, if so many rows are not ignored.
MIXNET_ON_DEVICE inline double gradient_scale(const Params& p, const Sizes& s, int64_t batch, int64_t valid) {
  double scale = p.grad_scale;
  if (p.normalization == Norm::batch) scale /= static_cast<double>(std::max<int64_t>(1, batch));
  if (p.normalization == Norm::valid) scale /= static_cast<double>(std::max<int64_t>(1, valid));
  // Several positions per instance share its weight, as in MXNet.
  if (p.multi_output && p.normalization != Norm::valid) scale /= static_cast<double>(std::max<int64_t>(1, s.inner));
  return scale;
}

}  // namespace mixnet::op::softmax_output

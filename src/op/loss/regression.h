// The parameters and formulas of regression outputs.
#pragma once
#include <cmath>

#include "base/on_device.h"
#include "base/shape.h"

namespace mixnet::op::regression {

struct Params {
  double grad_scale = 1;
};

template <class T>
MIXNET_ON_DEVICE T logistic(T x) {
  return 1 / (1 + std::exp(-x));
}

// Divided by the number of outputs per sample.
inline double gradient_scale(const Params& p, const Shape& label) {
  const int64_t outputs = label.ndim() > 0 && label[0] > 0 ? label.size() / label[0] : 1;
  return p.grad_scale / static_cast<double>(outputs);
}

template <bool Sign, class T>
MIXNET_ON_DEVICE T slope(T y, T label, T scale) {
  const T d = y - label;
  return scale * (Sign ? T(d > 0) - T(d < 0) : d);
}

}  // namespace mixnet::op::regression

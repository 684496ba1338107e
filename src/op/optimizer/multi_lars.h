// The parameters and the rule of multi_lars.
#pragma once
#include <cmath>

#include "base/on_device.h"

namespace mixnet::op::multi_lars {

struct Params {
  double eta = 0, eps = 0, rescale_grad = 1;
};

// A weight or gradient of zero keeps its rate.
template <class A>
MIXNET_ON_DEVICE A rate(const Params& p, A lr, A weight_square, A gradient_square, A wd) {
  const A w = std::sqrt(weight_square), g = std::sqrt(gradient_square) * static_cast<A>(p.rescale_grad);
  if (!(w > 0 && g > 0)) return lr;
  return lr * static_cast<A>(p.eta) * w / (g + wd * w + static_cast<A>(p.eps));
}

}  // namespace mixnet::op::multi_lars

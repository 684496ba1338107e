// SGD's formulas, which steps of one weight and of several share to the bit. d: the gradient, scaled and clipped.
#pragma once
#include "base/on_device.h"

namespace mixnet::op::sgd {

template <class A>
MIXNET_ON_DEVICE A weight(A lr, A wd, A d, A w) {
  return (1 - lr * wd) * w - lr * d;
}
template <class A>
MIXNET_ON_DEVICE A momentum(A mu, A lr, A wd, A d, A w, A m) {
  return mu * m - lr * wd * w - lr * d;
}

}  // namespace mixnet::op::sgd

// hard_sigmoid of one number, and its parameters.
#pragma once
#include "base/on_device.h"

namespace mixnet::op::hard_sigmoid {

struct Params {
  double alpha = 0.2, beta = 0.5;
};

template <class A>
struct Curve {
  explicit Curve(const Params& p) : alpha(static_cast<A>(p.alpha)), beta(static_cast<A>(p.beta)) {}
  MIXNET_ON_DEVICE A operator()(A x) const {
    const A v = alpha * x + beta;
    return v < 0 ? A(0) : v > 1 ? A(1) : v;
  }
  A alpha, beta;
};

}  // namespace mixnet::op::hard_sigmoid

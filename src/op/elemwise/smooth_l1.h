// smooth_l1 of one number, and its parameters.
#pragma once
#include <cmath>

#include "base/on_device.h"

namespace mixnet::op::smooth_l1 {

struct Params {
  double scalar = 1;
};

// The numbers that the function is made of, in the type that it is computed in.
template <class A>
struct Curve {
  explicit Curve(const Params& p)
      : square(static_cast<A>(p.scalar * p.scalar)), rest(static_cast<A>(0.5 / (p.scalar * p.scalar))) {}
  MIXNET_ON_DEVICE A operator()(A v) const {
    const A size = std::abs(v);
    return size * square < 1 ? v * v * square / 2 : size - rest;
  }
  A square, rest;
};

}  // namespace mixnet::op::smooth_l1

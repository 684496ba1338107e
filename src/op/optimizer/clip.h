// Gradient clipping as all optimizers do it.
#pragma once
#include "base/on_device.h"

namespace mixnet::op {

// g limited to [-limit, limit]; a negative limit means none.
template <class A>
MIXNET_ON_DEVICE A clipped(A g, double limit) {
  const A c = static_cast<A>(limit);
  return limit < 0 ? g : g > c ? c : g < -c ? -c : g;
}

}  // namespace mixnet::op

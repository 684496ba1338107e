// A product that is rounded before anything is added to it, so that what follows (a floor, a cast to integers) is the same everywhere.
#pragma once
#include "base/on_device.h"

namespace mixnet {

MIXNET_ON_DEVICE inline double rounded_product(double a, double b) {
#if defined(__CUDA_ARCH__)
  return __dmul_rn(a, b);  // a plain one is fused with a sum that follows
#else
  return a * b;
#endif
}

}  // namespace mixnet

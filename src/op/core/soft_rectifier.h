// log(1 + e^x) for float in operations that compilers vectorise; double goes to the C library. Within 3e-7 of the exact value's size.
#pragma once
#include <cmath>

#include "op/core/exponential.h"

namespace mixnet::functions {

// Without overflow: max(x, 0) + log(1 + e^-|x|).
MIXNET_ON_DEVICE inline double soft_rectifier(double x) { return (x > 0 ? x : 0) + std::log1p(std::exp(-std::abs(x))); }
MIXNET_ON_DEVICE inline float soft_rectifier(float x) {
  // log(1 + u) = 2 artanh(s) with s = u / (2 + u) up to 1 / 3, by its series.
  const float u = exponential(-std::abs(x)), s = u / (2 + u), q = s * s;
  const float tail = 2.f / 9 + q * (2.f / 11 + q * (2.f / 13));
  const float rest = s * (2 + q * (2.f / 3 + q * (2.f / 5 + q * (2.f / 7 + q * tail))));
  return x > 0 ? x + rest : x == x ? rest : x;
}

}  // namespace mixnet::functions

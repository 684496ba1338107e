// erf and erfc for float in operations that compilers vectorise; double goes to the C library.
//
// The relative error of erf is below 2e-7, that of erfc below 4e-7 and, where e^(-x^2) gets small, x^2 times the rounding of x^2; infinities and NaN
// as the C library.
#pragma once
#include <cmath>

#include "op/core/exponential.h"

namespace mixnet::functions {

MIXNET_ON_DEVICE inline double complementary_error(double x) { return std::erfc(x); }
MIXNET_ON_DEVICE inline double error_function(double x) { return std::erf(x); }

// erfc(x) = e^(-x^2) t p(t) with t = 1 / (1 + 0.42 x) for x >= 0, p by least squares on [0, 10], and 2 - erfc(-x) elsewhere.
MIXNET_ON_DEVICE inline float complementary_error(float x) {
  const float size = std::abs(x), t = 1 / (1 + 0.42f * size);
  const float high = 0.43737262f + t * (-0.48681268f + t * (0.23077863f + t * -0.041151147f));
  const float p =
      0.23697336f +
      t * (0.23661144f + t * (0.21990117f + t * (0.15000856f + t * (0.21382888f + t * (-0.19751084f + t * high)))));
  const float tail = exponential(-x * x) * t * p;
  return x < 0 ? 2 - tail : tail;
}

MIXNET_ON_DEVICE inline float error_function(float x) {
  const float size = std::abs(x), u = x * x;
  // Least squares on [0, 1], relative error 2e-9.
  const float high = -0.026853789f + u * (0.0051882863f + u * (-0.00080098509f + u * 7.8527810e-5f));
  const float small = x * (1.1283791f + u * (-0.37612626f + u * (0.11283585f + u * high)));
  return size < 1 ? small : std::copysign(1 - complementary_error(size), x);
}

}  // namespace mixnet::functions

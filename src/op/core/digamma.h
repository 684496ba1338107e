// log gamma and its derivatives, for operators with gamma functions and for densities.
#pragma once
#include <cmath>
#include <limits>

#include "base/on_device.h"

namespace mixnet {

// log |gamma(x)|. The C library's own function writes a sign to where all threads find it.
#if defined(__GLIBC__) && !defined(__CUDACC__)
inline double log_gamma(double x) {
  int sign;
  return ::lgamma_r(x, &sign);
}
inline float log_gamma(float x) {
  int sign;
  return ::lgammaf_r(x, &sign);
}
#else
MIXNET_ON_DEVICE inline double log_gamma(double x) { return std::lgamma(x); }
MIXNET_ON_DEVICE inline float log_gamma(float x) { return std::lgamma(x); }
#endif

// By recurrence, the asymptotic series (Abramowitz and Stegun 6.3.5, 6.3.18) and reflection below 0, without calling itself.
MIXNET_ON_DEVICE inline double digamma_above_0(double x) {
  double sum = 0;
  for (; x < 10; ++x) sum -= 1 / x;
  const double t = 1 / (x * x);
  return sum + std::log(x) - 0.5 / x - t * (1.0 / 12 - t * (1.0 / 120 - t * (1.0 / 252 - t * (1.0 / 240 - t / 132))));
}
MIXNET_ON_DEVICE inline double digamma(double x) {
  constexpr double half_turn = 3.14159265358979323846;
  if (x > 0 || x != x) return digamma_above_0(x);
  if (x == std::floor(x)) return std::numeric_limits<double>::quiet_NaN();
  return digamma_above_0(1 - x) - half_turn / std::tan(half_turn * (x - std::round(x)));
}

}  // namespace mixnet

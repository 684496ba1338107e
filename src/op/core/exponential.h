// e^x, e^x - 1 and tanh for float in operations that compilers vectorise; double goes to the C library.
//
// Within 2 units in the last place of the exact value, subnormal results included; infinities and NaN as the C library.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/on_device.h"

namespace mixnet::functions {

MIXNET_ON_DEVICE inline double exponential(double x) { return std::exp(x); }
MIXNET_ON_DEVICE inline double hyperbolic_tangent(double x) { return std::tanh(x); }

// 2^n for n from -126 to 127.
MIXNET_ON_DEVICE inline float power_of_two(int32_t n) {
  const int32_t bits = (n + 127) * (1 << 23);
  float y;
  std::memcpy(&y, &bits, sizeof y);
  return y;
}

// e^x = 2^power (1 + rest) for x from -104 to 89: x = n log 2 + r with |r| <= log 2 / 2, then e^r = 1 + rest.
struct SplitExponential {
  int32_t power;
  float rest;
};
MIXNET_ON_DEVICE inline SplitExponential split_exponential(float x) {
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the lowest bits, where NaN does no harm.
  constexpr float shift = 12582912;
  const float shifted = x * 1.44269504f + shift;
  int32_t n, zero;
  std::memcpy(&n, &shifted, sizeof n);
  std::memcpy(&zero, &shift, sizeof zero);
  // log 2 in two parts, the first short enough for exact products.
  const float whole = shifted - shift, r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  const float tail = 1.f / 24 + r * (1.f / 120 + r * (1.f / 720 + r * (1.f / 5040)));
  return {x == x ? n - zero : 0, r + r * r * (0.5f + r * (1.f / 6 + r * tail))};
}

MIXNET_ON_DEVICE inline float exponential(float x) {
  const SplitExponential e = split_exponential(x < -104 ? -104 : x > 89 ? 89 : x);  // 0 and infinity
  // In two steps: 2^n itself may be subnormal or too large.
  return (1 + e.rest) * power_of_two(e.power >> 1) * power_of_two(e.power - (e.power >> 1));
}

// e^x - 1 for x up to 0; of larger ones 0. Where x is small, as exact as x.
MIXNET_ON_DEVICE inline double decay_less_one(double x) { return std::expm1(x > 0 ? 0 : x); }
MIXNET_ON_DEVICE inline float decay_less_one(float x) {
  const SplitExponential e = split_exponential(x > 0 ? 0 : x < -87 ? -87 : x);
  const float scale = power_of_two(e.power);
  return e.rest * scale + (scale - 1);
}

MIXNET_ON_DEVICE inline float hyperbolic_tangent(float x) {
  const float size = std::abs(x), u = x * x;
  // Least squares on [0, 0.625], relative error 5e-9.
  const float p = -0.3333327920837062f +
                  u * (0.13331381354361155f +
                       u * (-0.05373531884952436f + u * (0.020626291823514317f + u * -0.005691985663456898f)));
  const float large = std::copysign(1 - 2 / (exponential(2 * size) + 1), x);
  return size < 0.625f ? x * (1 + u * p) : large;
}

}  // namespace mixnet::functions

// The two 16-bit floats as storage types: every computation converts to float first.
//
// Conversions round to nearest even and keep infinities and NaN (IEEE 754 binary16; bfloat16 as truncated binary32).
#pragma once
#include <cstdint>
#include <cstring>
#if defined(__F16C__) && !defined(__CUDACC__)
#include <immintrin.h>
#endif

#include "base/on_device.h"

namespace mixnet {

namespace detail {
MIXNET_ON_DEVICE inline uint32_t float_bits(float x) {
  uint32_t u;
  std::memcpy(&u, &x, 4);
  return u;
}
MIXNET_ON_DEVICE inline float bits_float(uint32_t u) {
  float x;
  std::memcpy(&x, &u, 4);
  return x;
}

MIXNET_ON_DEVICE inline uint16_t f16_from_float(float x) {
#if defined(__CUDA_ARCH__)
  uint16_t h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(x));
  return h;
#elif defined(__F16C__) && !defined(__CUDACC__)
  return static_cast<uint16_t>(_cvtss_sh(x, 0));
#else
  const uint32_t u = float_bits(x), sign = (u >> 16) & 0x8000u, magnitude = u & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  if (magnitude < 0x38800000u) {
    // Subnormal: adding 0.5 lets the hardware round at the right bit.
    const float shifted = bits_float(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (float_bits(shifted) - 0x3f000000u));
  }
  const uint32_t odd = (magnitude >> 13) & 1u;
  return static_cast<uint16_t>(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
#endif
}

MIXNET_ON_DEVICE inline float f16_to_float(uint16_t h) {
#if defined(__CUDA_ARCH__)
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(h));
  return x;
#elif defined(__F16C__) && !defined(__CUDACC__)
  return _cvtsh_ss(h);
#else
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16, rest = h & 0x7fffu;
  if (rest >= 0x7c00u) return bits_float(sign | 0x7f800000u | ((rest & 0x3ffu) << 13));
  // Multiplying by 2^112 rebases the exponent and normalises subnormals in one step.
  return bits_float(sign | float_bits(bits_float(rest << 13) * bits_float(0x77800000u)));
#endif
}

MIXNET_ON_DEVICE inline uint16_t bf16_from_float(float x) {
#if defined(__CUDA_ARCH__)
  uint16_t h;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(h) : "f"(x));
  return h;
#else
  const uint32_t u = float_bits(x);
  const bool nan = (u & 0x7fffffffu) > 0x7f800000u;
  return static_cast<uint16_t>(nan ? (u >> 16) | 0x40u : (u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
#endif
}
}  // namespace detail

struct f16 {
  uint16_t bits = 0;
  f16() = default;
  MIXNET_ON_DEVICE f16(float x) : bits(detail::f16_from_float(x)) {}
  MIXNET_ON_DEVICE operator float() const { return detail::f16_to_float(bits); }
};

struct bf16 {
  uint16_t bits = 0;
  bf16() = default;
  MIXNET_ON_DEVICE bf16(float x) : bits(detail::bf16_from_float(x)) {}
  MIXNET_ON_DEVICE operator float() const { return detail::bits_float(static_cast<uint32_t>(bits) << 16); }
};

static_assert(sizeof(f16) == 2 && sizeof(bf16) == 2, "16-bit floats are stored as two bytes");

}  // namespace mixnet

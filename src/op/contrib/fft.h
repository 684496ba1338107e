// What the transforms of _contrib_fft and _contrib_ifft are made of everywhere.
#pragma once
#include <cstdint>

#include "base/on_device.h"

namespace mixnet::op::fft {

constexpr double turn = 6.28318530717958647692;

struct Params {
  int64_t compute_size = 128;
};

// What is transformed for n numbers: a power of two, which is n or has room for a convolution of n numbers.
inline int64_t transformed(int64_t n) {
  int64_t size = 1;
  while (size < n) size *= 2;
  if (size != n)
    while (size < 2 * n - 1) size *= 2;
  return size;
}

// The angle of the chirp's number i; i^2 modulo 2n keeps it exact.
MIXNET_ON_DEVICE inline double chirp_angle(int64_t i, int64_t n) {
  const unsigned __int128 square = static_cast<unsigned __int128>(i) * static_cast<unsigned __int128>(i);
  const int64_t rest = static_cast<int64_t>(square % static_cast<unsigned __int128>(2 * n));
  return -turn / 2 * static_cast<double>(rest) / static_cast<double>(n);
}

}  // namespace mixnet::op::fft

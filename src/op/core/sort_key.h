// Elements of any dtype as whole numbers in the same order.
#pragma once
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/dtype.h"
#include "base/on_device.h"

namespace mixnet {

// NaN counts as larger than everything.
template <class T>
MIXNET_ON_DEVICE uint64_t sort_key(T value) {
  constexpr uint64_t sign = uint64_t{1} << 63;
  const auto x = static_cast<accumulator_t<T>>(value);
  if constexpr (std::numeric_limits<decltype(x + x)>::is_integer) return static_cast<uint64_t>(x) ^ sign;
  const double d = static_cast<double>(x) + 0.0;  // one zero
  if (d != d) return ~uint64_t{0};
  uint64_t bits;
  std::memcpy(&bits, &d, sizeof bits);
  return bits & sign ? ~bits : bits | sign;
}

}  // namespace mixnet

// Parameters of _ravel_multi_index and _unravel_index and what they compute, shared with the device sibling.
#pragma once
#include "base/shape.h"
#include "op/index/indices.h"

namespace mixnet::op::ravel {

struct Params {
  Shape shape;
};

// Of one of n positions, whose indices into the axes are n apart. Unsigned, so that nonsensical positions wrap instead of overflowing.
MIXNET_ON_DEVICE inline int64_t ravelled(const int64_t* extent, int axes, const Indices& index, int64_t n, int64_t i) {
  uint64_t position = 0;
  for (int a = 0; a < axes; ++a) {
    position = position * static_cast<uint64_t>(extent[a]) + static_cast<uint64_t>(index[a * n + i]);
  }
  return static_cast<int64_t>(position);
}

// out[a * n + i] = the index into axis a; the first axis takes what is left, whatever its extent.
template <class T>
MIXNET_ON_DEVICE void unravel_one(const int64_t* extent, int axes, int64_t position, int64_t n, int64_t i, T* out) {
  for (int a = axes - 1; a > 0; --a) {
    out[a * n + i] = static_cast<T>(static_cast<accumulator_t<T>>(position % extent[a]));
    position /= extent[a];
  }
  out[i] = static_cast<T>(static_cast<accumulator_t<T>>(position));
}

}  // namespace mixnet::op::ravel

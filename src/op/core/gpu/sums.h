// Sums that a group of threads adds up.
#pragma once
#include <cstdint>

#include "op/core/gpu/merges.h"

namespace mixnet::gpu {

template <class A>
struct Pair {
  A first, second;
  MIXNET_ON_DEVICE Pair operator+(const Pair& other) const { return {first + other.first, second + other.second}; }
};

// f(k) for k in [0, n), summed by the members of a group; all get the sum.
template <class A, class G, class F>
MIXNET_ON_DEVICE A sum_of(const G& group, int64_t n, F f) {
  A sum{};
  for (int64_t k = group.rank(); k < n; k += group.size()) sum = sum + f(k);
  return group.reduce(sum, Plus());
}

}  // namespace mixnet::gpu

// Sums over a weight on all cores.
#pragma once
#include <algorithm>
#include <cstdint>

#include "base/thread_pool.h"

namespace mixnet::op {

// of(first, last) of neighbouring parts of [0, n), added up. How [0, n) is cut depends on n alone, and so do the bits of a sum.
template <class F>
auto sum_of_parts(int64_t n, F of) {
  constexpr int64_t most = 32;
  const int64_t parts = std::clamp<int64_t>(n / 8192, 1, most);
  decltype(of(n, n)) made[most];
  parallel_for(parts, 1, [&](int64_t from, int64_t to) {
    for (int64_t k = from; k < to; ++k) made[k] = of(n * k / parts, n * (k + 1) / parts);
  });
  for (int64_t k = 1; k < parts; ++k) made[0] = made[0] + made[k];
  return made[0];
}

}  // namespace mixnet::op

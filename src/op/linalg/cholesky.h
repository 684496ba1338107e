// A = L L^T by the members of a group together (op/core/alone.h), column by column.
#pragma once
#include <cmath>
#include <cstdint>

#include "op/core/alone.h"

namespace mixnet::op {

// Reads the lower triangle of a. False when a is not positive definite; then the rest of l is zero.
template <class T, class G>
MIXNET_ON_DEVICE bool cholesky(const T* a, T* l, int64_t n, const G& group) {
  const auto rest = [=](int64_t i, int64_t j) {
    // In lanes side by side: one sum would wait for itself.
    constexpr int lanes = 8;
    T part[lanes] = {};
    int64_t k = 0;
    for (; k + lanes <= j; k += lanes) {
      MIXNET_UNROLL
      for (int s = 0; s < lanes; ++s) part[s] += l[i * n + k + s] * l[j * n + k + s];
    }
    for (; k < j; ++k) part[0] += l[i * n + k] * l[j * n + k];
    T sum = 0;
    MIXNET_UNROLL
    for (int s = 0; s < lanes; ++s) sum += part[s];
    return a[i * n + j] - sum;
  };
  for (int64_t e = group.rank(); e < n * n; e += group.size()) l[e] = T(0);
  for (int64_t j = 0; j < n; ++j) {
    group.wait();  // the columns left of this one are there
    const T square = rest(j, j);
    if (!(square > 0)) return false;
    const T root = std::sqrt(square);
    for (int64_t i = j + group.rank(); i < n; i += group.size()) l[i * n + j] = i == j ? root : rest(i, j) / root;
  }
  return true;
}

}  // namespace mixnet::op

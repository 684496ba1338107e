// Gaussian elimination with partial pivoting, row-major, by the members of a group together (op/core/alone.h: of one).
//
// All members make the same calls and get the same results. Matrices are memory that all of them see.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "op/core/alone.h"

namespace mixnet::op {

template <class T>
MIXNET_ON_DEVICE void exchange(T& a, T& b) {
  const T kept = a;
  a = b;
  b = kept;
}

// Brings the largest element at or below (k, k) to row k of a and, when given, of b. False when the column is zero.
template <class T, class G>
MIXNET_ON_DEVICE bool pivot(T* a, T* b, int64_t n, int64_t k, bool* swapped, const G& group) {
  int64_t best = k;
  for (int64_t i = k + 1; i < n; ++i)
    if (std::fabs(a[i * n + k]) > std::fabs(a[best * n + k])) best = i;
  *swapped = best != k;
  group.wait();  // all have looked
  for (int64_t j = group.rank(); best != k && j < n; j += group.size()) {
    exchange(a[best * n + j], a[k * n + j]);
    if (b) exchange(b[best * n + j], b[k * n + j]);
  }
  group.wait();
  return a[k * n + k] != 0;
}

template <class T>
struct SignAndLog {
  T sign, log;
};

// Of the determinant; a is destroyed. A singular matrix has sign 0 and logarithm -infinity.
template <class T, class G>
MIXNET_ON_DEVICE SignAndLog<T> sign_and_log(T* a, int64_t n, const G& group) {
  T sign = 1, log = 0;
  for (int64_t k = 0; k < n; ++k) {
    bool swapped;
    if (!pivot<T>(a, nullptr, n, k, &swapped, group)) return {T(0), -std::numeric_limits<T>::infinity()};
    const T top = a[k * n + k];
    if (swapped != (top < 0)) sign = -sign;
    log += std::log(std::fabs(top));
    // Column k and row k are only read.
    for (int64_t i = k + 1; i < n; ++i) {
      const T factor = a[i * n + k] / top;
      for (int64_t j = k + 1 + group.rank(); j < n; j += group.size()) a[i * n + j] -= factor * a[k * n + j];
    }
    group.wait();
  }
  return {sign, log};
}

// b becomes the inverse of a, which is destroyed. False when a is singular.
template <class T, class G>
MIXNET_ON_DEVICE bool invert(T* a, T* b, int64_t n, const G& group) {
  for (int64_t i = group.rank(); i < n * n; i += group.size()) b[i] = T(i / n == i % n);
  group.wait();
  for (int64_t k = 0; k < n; ++k) {
    bool swapped;
    if (!pivot(a, b, n, k, &swapped, group)) return false;
    const T scale = 1 / a[k * n + k];
    // Of a, what lies left of the next column is not needed any more, and column k is only read.
    for (int64_t j = k + 1 + group.rank(); j < n; j += group.size()) a[k * n + j] *= scale;
    for (int64_t j = group.rank(); j < n; j += group.size()) b[k * n + j] *= scale;
    group.wait();
    for (int64_t i = 0; i < n; ++i) {
      const T factor = a[i * n + k];
      if (i == k || factor == 0) continue;
      for (int64_t j = k + 1 + group.rank(); j < n; j += group.size()) a[i * n + j] -= factor * a[k * n + j];
      for (int64_t j = group.rank(); j < n; j += group.size()) b[i * n + j] -= factor * b[k * n + j];
    }
    group.wait();
  }
  return true;
}

}  // namespace mixnet::op

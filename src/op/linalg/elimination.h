// Gaussian elimination with partial pivoting, row-major.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace mixnet::op {

// Brings the largest element at or below (k, k) to row k of a and, when given, of b. False when the column is zero.
template <class T>
bool pivot(T* a, T* b, int64_t n, int64_t k, bool* swapped) {
  int64_t best = k;
  for (int64_t i = k + 1; i < n; ++i)
    if (std::fabs(a[i * n + k]) > std::fabs(a[best * n + k])) best = i;
  *swapped = best != k;
  for (int64_t j = 0; best != k && j < n; ++j) {
    std::swap(a[best * n + j], a[k * n + j]);
    if (b) std::swap(b[best * n + j], b[k * n + j]);
  }
  return a[k * n + k] != 0;
}

// Sign and logarithm of the absolute determinant; a is destroyed. A singular matrix has sign 0 and logarithm -infinity.
template <class T>
std::pair<T, T> sign_and_log(T* a, int64_t n) {
  T sign = 1, log = 0;
  for (int64_t k = 0; k < n; ++k) {
    bool swapped;
    if (!pivot<T>(a, nullptr, n, k, &swapped)) return {T(0), -std::numeric_limits<T>::infinity()};
    const T top = a[k * n + k];
    if (swapped != (top < 0)) sign = -sign;
    log += std::log(std::fabs(top));
    for (int64_t i = k + 1; i < n; ++i) {
      const T factor = a[i * n + k] / top;
      for (int64_t j = k + 1; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return {sign, log};
}

// b becomes the inverse of a, which is destroyed. False when a is singular.
template <class T>
bool invert(T* a, T* b, int64_t n) {
  for (int64_t i = 0; i < n * n; ++i) b[i] = T(i / n == i % n);
  for (int64_t k = 0; k < n; ++k) {
    bool swapped;
    if (!pivot(a, b, n, k, &swapped)) return false;
    const T scale = 1 / a[k * n + k];
    for (int64_t j = 0; j < n; ++j) {
      a[k * n + j] *= scale;
      b[k * n + j] *= scale;
    }
    for (int64_t i = 0; i < n; ++i) {
      const T factor = a[i * n + k];
      if (i == k || factor == 0) continue;
      for (int64_t j = 0; j < n; ++j) {
        a[i * n + j] -= factor * a[k * n + j];
        b[i * n + j] -= factor * b[k * n + j];
      }
    }
  }
  return true;
}

}  // namespace mixnet::op

// Eigenvalues and eigenvectors of symmetric matrices by Jacobi rotations, by the members of a group together (op/core/alone.h).
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>

#include "op/core/alone.h"

namespace mixnet::op {

// Turns rows and columns p and q of a so that a[p][q] becomes 0, and rows p and q of u with them.
template <class T, class G>
MIXNET_ON_DEVICE void rotate(T* a, T* u, int64_t n, int64_t p, int64_t q, const G& group) {
  const T theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
  const T t = (theta >= 0 ? T(1) : T(-1)) / (std::fabs(theta) + std::sqrt(theta * theta + 1)),
          c = 1 / std::sqrt(t * t + 1), s = t * c;
  group.wait();  // all have read
  for (int64_t k = group.rank(); k < n; k += group.size()) {
    const T x = a[k * n + p], y = a[k * n + q];
    a[k * n + p] = c * x - s * y;
    a[k * n + q] = s * x + c * y;
  }
  group.wait();
  for (int64_t k = group.rank(); k < n; k += group.size()) {
    const T x = a[p * n + k], y = a[q * n + k], v = u[p * n + k], w = u[q * n + k];
    a[p * n + k] = c * x - s * y;
    a[q * n + k] = s * x + c * y;
    u[p * n + k] = c * v - s * w;
    u[q * n + k] = s * v + c * w;
  }
  group.wait();
  if (group.rank() == 0) a[p * n + q] = a[q * n + p] = 0;
  group.wait();
}

// a becomes diagonal, u its eigenvectors. Cyclic sweeps converge quadratically; fifty are far more than ever needed.
template <class T, class G>
MIXNET_ON_DEVICE void diagonalise(T* a, T* u, int64_t n, const G& group) {
  for (int64_t e = group.rank(); e < n * n; e += group.size()) u[e] = T(e / n == e % n);
  group.wait();
  for (int sweep = 0; sweep < 50; ++sweep) {
    bool turned = false;
    for (int64_t p = 0; p < n; ++p) {
      for (int64_t q = p + 1; q < n; ++q) {
        const T size = std::fabs(a[p * n + p]) + std::fabs(a[q * n + q]);
        // Too small to change the diagonal, or not a number.
        if (!(std::fabs(a[p * n + q]) > std::numeric_limits<T>::epsilon() * T(0.01) * size)) continue;
        rotate(a, u, n, p, q, group);
        turned = true;
      }
    }
    if (!turned) return;
  }
}

// x (its lower triangle) to eigenvectors u and ascending values; a and v are workspace of its size. The largest element of every eigenvector
// is positive.
template <class T, class G>
MIXNET_ON_DEVICE void eigenvectors(const T* x, T* a, T* v, T* u, T* values, int64_t n, const G& group) {
  for (int64_t e = group.rank(); e < n * n; e += group.size()) {
    const int64_t i = e / n, j = e % n;
    a[e] = i < j ? x[j * n + i] : x[e];
  }
  group.wait();
  diagonalise(a, v, n, group);
  for (int64_t i = group.rank(); i < n; i += group.size()) {
    const T own = a[i * (n + 1)], *row = v + i * n;
    int64_t place = 0, largest = 0;
    for (int64_t j = 0; j < n; ++j) {
      const T other = a[j * (n + 1)];
      place += other < own || (!(own < other) && j < i);
      if (std::fabs(row[largest]) < std::fabs(row[j])) largest = j;
    }
    values[place] = own;
    for (int64_t j = 0; j < n; ++j) u[place * n + j] = row[largest] < 0 ? -row[j] : row[j];
  }
}

}  // namespace mixnet::op

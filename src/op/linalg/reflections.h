// A = L Q by Householder reflections, by the members of a group together (op/core/alone.h).
#pragma once
#include <cmath>
#include <cstdint>

#include "op/core/alone.h"

namespace mixnet::op {

// x[at:] - tau v (v . x[at:]), where v starts at `at`.
template <class T>
MIXNET_ON_DEVICE void reflect(const T* v, T tau, T* x, int64_t at, int64_t n) {
  T dot = 0;
  for (int64_t j = at; j < n; ++j) dot += v[j] * x[j];
  for (int64_t j = at; j < n; ++j) x[j] -= tau * dot * v[j];
}

// `work` holds A (rows x columns) and then one reflection per row.
template <class T, class G>
MIXNET_ON_DEVICE void lq_factor(T* work, T* tau, T* q, T* l, int64_t rows, int64_t columns, const G& group) {
  for (int64_t e = group.rank(); e < rows * rows; e += group.size()) l[e] = T(0);
  group.wait();
  for (int64_t i = 0; i < rows; ++i) {
    T *row = work + i * columns, rest = 0;
    for (int64_t j = i + 1; j < columns; ++j) rest += row[j] * row[j];
    // The sign that avoids cancellation; v = row - beta e_i.
    const T first = row[i], beta = rest == 0 ? first : (first > 0 ? T(-1) : T(1)) * std::sqrt(first * first + rest),
            head = first - beta, factor = rest == 0 ? T(0) : 2 / (head * head + rest);
    group.wait();  // all have read the row
    for (int64_t j = group.rank(); j < i; j += group.size()) l[i * rows + j] = row[j];
    if (group.rank() == 0) {
      l[i * rows + i] = beta;
      tau[i] = factor;
      if (rest != 0) row[i] = head;
    }
    group.wait();
    if (rest == 0) continue;
    for (int64_t k = i + 1 + group.rank(); k < rows; k += group.size())
      reflect(row, factor, work + k * columns, i, columns);
    group.wait();
  }
  for (int64_t i = group.rank(); i < rows; i += group.size()) {
    T* line = q + i * columns;
    for (int64_t j = 0; j < columns; ++j) line[j] = T(i == j);
    for (int64_t k = rows - 1; k >= 0; --k) reflect(work + k * columns, tau[k], line, k, columns);
  }
}

}  // namespace mixnet::op

// softmax of one contiguous line, in loops that compilers vectorise.
//
// Partial sums are added in one order whatever the compiler and the number of threads. NaN anywhere makes the line NaN.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/independent.h"
#include "op/core/exponential.h"

namespace mixnet {

constexpr int64_t line_parts = 16;  // sums beside each other

// Passes over NaN.
template <class T>
T largest_of_line(const T* x, int64_t n) {
  T part[line_parts], top = -std::numeric_limits<T>::infinity();
  std::fill_n(part, line_parts, top);
  int64_t i = 0;
  for (; i + line_parts <= n; i += line_parts) {
    for (int64_t j = 0; j < line_parts; ++j) part[j] = x[i + j] > part[j] ? x[i + j] : part[j];
  }
  for (; i < n; ++i) top = std::max(top, x[i]);
  for (const T p : part) top = std::max(top, p);
  return top;
}

// y = e^(x - top); their sum. y may be x.
template <class T>
T exponentials(const T* x, int64_t n, T top, T* y) {
  T part[line_parts] = {}, sum = 0;
  int64_t i = 0;
  for (; i + line_parts <= n; i += line_parts) {
    MIXNET_INDEPENDENT
    for (int64_t j = 0; j < line_parts; ++j) {
      const T e = functions::exponential(x[i + j] - top);
      y[i + j] = e;
      part[j] += e;
    }
  }
  for (; i < n; ++i) sum += y[i] = functions::exponential(x[i] - top);
  for (const T p : part) sum += p;
  return sum;
}

// y may be x.
template <class T>
void softmax_line(const T* x, int64_t n, T* y) {
  const T sum = exponentials(x, n, largest_of_line(x, n), y);
  for (int64_t i = 0; i < n; ++i) y[i] /= sum;
}

}  // namespace mixnet

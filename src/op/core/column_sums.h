// Sums of a matrix's columns, as the gradient of a bias takes them. Every column is summed in one order, whatever the number of threads.
#pragma once
#include <algorithm>
#include <cstdint>

#include "base/thread_pool.h"

namespace mixnet {

// sums = the column sums of x (rows x columns, row-major, `pitch` from row to row); zeros without rows.
template <class T>
void column_sums(const T* x, int64_t rows, int64_t columns, int64_t pitch, T* sums) {
  constexpr int64_t width = 256;  // columns at a time: their sums stay in the first cache
  parallel_for((columns + width - 1) / width, std::max<int64_t>(1, 65536 / (width * std::max<int64_t>(1, rows))),
               [&](int64_t first, int64_t last) {
                 for (int64_t begin = first * width; begin < std::min(columns, last * width); begin += width) {
                   const int64_t n = std::min(width, columns - begin);
                   T part[width] = {};
                   int64_t i = 0;
                   for (; i + 4 <= rows; i += 4) {
                     const T *a = x + i * pitch + begin, *b = a + pitch, *c = b + pitch, *d = c + pitch;
                     for (int64_t j = 0; j < n; ++j) part[j] += (a[j] + b[j]) + (c[j] + d[j]);
                   }
                   for (; i < rows; ++i) {
                     for (int64_t j = 0; j < n; ++j) part[j] += x[i * pitch + begin + j];
                   }
                   std::copy_n(part, n, sums + begin);
                 }
               });
}

}  // namespace mixnet

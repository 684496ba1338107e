#include "op/core/int8_product.h"

#include <algorithm>

namespace mixnet {
namespace {

// Rows x Columns sums at once: every operand that is loaded is used several times.
template <int Rows, int Columns>
void int8_block(int64_t depth, const int16_t* a, const int16_t* b, int32_t* c, int64_t ldc) {
  int32_t sum[Rows][Columns] = {};
  for (int64_t k = 0; k < depth; ++k) {
    for (int i = 0; i < Rows; ++i) {
      for (int j = 0; j < Columns; ++j) {
        sum[i][j] += static_cast<int32_t>(a[i * depth + k]) * static_cast<int32_t>(b[j * depth + k]);
      }
    }
  }
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < Columns; ++j) c[i * ldc + j] = sum[i][j];
  }
}

template <int Rows>
void int8_rows(int64_t n, int64_t depth, const int16_t* a, const int16_t* b, int32_t* c, int64_t ldc) {
  int64_t j = 0;
  for (; j + 4 <= n; j += 4) int8_block<Rows, 4>(depth, a, b + j * depth, c + j, ldc);
  for (; j < n; ++j) int8_block<Rows, 1>(depth, a, b + j * depth, c + j, ldc);
}

}  // namespace

void int8_product(int64_t m, int64_t n, int64_t depth, const int16_t* a, const int16_t* b, int32_t* c, int64_t ldc) {
  int64_t i = 0;
  for (; i + 2 <= m; i += 2) int8_rows<2>(n, depth, a + i * depth, b, c + i * ldc, ldc);
  if (i < m) int8_rows<1>(n, depth, a + i * depth, b, c + i * ldc, ldc);
}

}  // namespace mixnet

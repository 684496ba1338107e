// Exact products of 8-bit numbers: rows times rows, summed in int32. Operands are widened to int16 once, since that is what vectors of
// every CPU multiply and add in pairs.
#pragma once
#include <cstdint>

namespace mixnet {

// Up to so many products of the largest numbers fit into int32.
constexpr int64_t int8_product_depth = 2147483647 / (255 * 128);

// c[i ldc + j] = sum over k < depth of a[i depth + k] b[j depth + k].
void int8_product(int64_t m, int64_t n, int64_t depth, const int16_t* a, const int16_t* b, int32_t* c, int64_t ldc);

template <class Q>
void widen_to_int16(const Q* from, int64_t n, int16_t* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = from[i];
}

}  // namespace mixnet

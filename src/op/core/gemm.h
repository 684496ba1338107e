// C = alpha op(A) op(B) + beta C, row-major, for float and double.
//
// Panels of A and B are packed so that a small register tile runs over contiguous memory; written with compiler vectors, so the same
// source serves every CPU. Packing buffers belong to the calling thread and are kept (at most 2 MiB each). beta 0 does not read C.
#pragma once
#include <cstdint>

namespace mixnet {

template <class T>
void gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda, const T* b, int64_t ldb, T beta,
          T* c, int64_t ldc);

// A faster float32 product to try first; it returns false where it cannot. Used for products above some thousand operations.
using FastGemm = bool (*)(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda, const float* b,
                          int64_t ldb, float beta, float* c, int64_t ldc);
void set_fast_gemm(FastGemm fn);

}  // namespace mixnet

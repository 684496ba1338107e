// C = alpha op(A) op(B) + beta C, row-major, for float and double. beta 0 does not read C; k 0 or alpha 0 leave beta C.
//
// Panels of A and B are packed so that a register tile runs over contiguous memory; a product of few rows or columns,
// which would spend its time packing, reads the large operand once where it lies. Written with compiler vectors, so the
// same source serves every CPU. Packing buffers belong to the calling threads and are kept: at most 4 MiB for B, 0.2 MiB
// for A, and the few rows. Every element is summed in one order, whatever the number of threads.
#pragma once
#include <cstdint>

namespace mixnet {

template <class T>
void gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda, const T* b,
          int64_t ldb, T beta, T* c, int64_t ldc);

// A faster float32 product to try first, for more than half a million multiply-adds; it returns false where it cannot, and
// has then left C alone.
using FastGemm = bool (*)(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha, const float* a,
                          int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc);
// Returns the one before; nullptr means none.
FastGemm set_fast_gemm(FastGemm fn);

}  // namespace mixnet

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

}  // namespace mixnet

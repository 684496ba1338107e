// Matrix products on GPUs: D = alpha op(A) op(B) + beta C (+ bias of the columns), row-major, for the float dtypes; 16-bit ones are summed in
// float and rounded once.
//
// beta 0 does not read C, which may be D; k 0 gives beta C. cuBLASLt is asked first (cublaslt.h), where it is there; what it refuses is ours.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "device/stream.h"

namespace mixnet::gpu {

struct Gemm {
  bool trans_a = false, trans_b = false;
  int64_t m = 0, n = 0, k = 0;
  const void* a = nullptr;
  int64_t lda = 0;
  const void* b = nullptr;
  int64_t ldb = 0;
  void* d = nullptr;
  int64_t ldd = 0;
  double alpha = 1, beta = 0;
  const void* c = nullptr;  // lies as D does
  const void* bias = nullptr;
  // So many products, with steps in elements from one matrix to the next.
  int64_t batch = 1, step_a = 0, step_b = 0, step_d = 0;
};

void gemm(Stream& stream, DType dtype, const Gemm& g);

}  // namespace mixnet::gpu

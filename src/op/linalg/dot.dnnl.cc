// oneDNN's float32 matrix product behind gemm<float>, and so behind every operator that multiplies matrices.
#include <dnnl.h>

#if defined(_OPENMP)
#include <omp.h>
#endif

#include "base/exit.h"
#include "base/in_parallel_for.h"
#include "op/core/first_kernel.h"
#include "op/core/gemm.h"
#include "op/core/registry.h"

namespace mixnet::op::dot {
namespace {

// Products inside a parallel_for run on their own thread alone, as its other threads have products of their own.
class OneThread {
 public:
#if defined(_OPENMP)
  OneThread() : threads_(in_parallel_for() ? omp_get_max_threads() : 1) {
    if (threads_ > 1) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (threads_ > 1) omp_set_num_threads(threads_);
  }

 private:
  int threads_;
#endif
};

bool multiply(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
              const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  if (!onednn_enabled()) return false;
  [[maybe_unused]] const OneThread alone;
  return dnnl_sgemm(trans_a ? 'T' : 'N', trans_b ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) ==
         dnnl_success;
}

// oneDNN makes statics at the first product. Made by a worker while the process ends, they would be destroyed under it.
void warm_up() {
  if (!onednn_enabled()) return;
  constexpr int n = 4;
  const float a[n * n] = {}, b[n * n] = {};
  float c[n * n];
  dnnl_sgemm('N', 'N', n, n, n, 1, a, n, b, n, 0, c, n);
  renew_before_exit();
}

}  // namespace

void register_dnnl(Registry&) {
  set_before_first_kernel(warm_up);
  set_fast_gemm(multiply);
}

}  // namespace mixnet::op::dot

// _linalg_gemm and _linalg_gemm2 on GPUs; see linalg_gemm.cc.
#include "op/linalg/linalg_gemm.h"

#include "op/core/gpu/gemm.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::linalg_gemm {
namespace {

const void* behind(const TensorView& v, int64_t elements) {
  return static_cast<const char*>(v.data) + elements * dtype_size(v.dtype);
}

// Matrices between which others lie go by one product for every outer index.
template <bool Sum>
void forward(const Params& p, const RunContext& r) {
  if (r.out[0].size() == 0) return;
  const Matrices a(r.in[0].shape, p.axis), b(r.in[1].shape, p.axis), y(r.out[0].shape, p.axis);
  gpu::Gemm g;
  g.trans_a = p.transpose_a;
  g.trans_b = p.transpose_b;
  g.m = y.rows;
  g.n = y.columns;
  g.k = p.transpose_a ? a.rows : a.columns;
  g.lda = a.pitch();
  g.ldb = b.pitch();
  g.ldd = y.pitch();
  g.alpha = p.alpha;
  g.beta = Sum ? p.beta : 0;
  const bool one = y.between == 1;
  g.batch = one ? y.outer : y.between;
  g.step_a = one ? a.rows * a.columns : a.columns;
  g.step_b = one ? b.rows * b.columns : b.columns;
  g.step_d = one ? y.rows * y.columns : y.columns;
  for (int64_t i = 0; i < (one ? 1 : y.outer); ++i) {
    g.a = behind(r.in[0], a.at(i * a.between));
    g.b = behind(r.in[1], b.at(i * b.between));
    if (Sum) g.c = behind(r.in[2], y.at(i * y.between));
    g.d = static_cast<char*>(r.out[0].data) + y.at(i * y.between) * dtype_size(r.out[0].dtype);
    gemm(*r.context.stream, r.in[0].dtype, g);
  }
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "_linalg_gemm", forward<true>);
  gpu::kernel<Params>(registry, "_linalg_gemm2", forward<false>);
}

}  // namespace mixnet::op::linalg_gemm

// _linalg_syrk on GPUs.
#include "op/linalg/linalg_syrk.h"

#include "op/core/gpu/gemm.h"
#include "op/core/gpu/register.h"
#include "op/linalg/matrices.h"

namespace mixnet::op::linalg_syrk {
namespace {

void forward(const Params& p, const RunContext& r) {
  const Matrices a(r.in[0].shape), y(r.out[0].shape);
  gpu::Gemm g;
  g.trans_a = p.transpose;
  g.trans_b = !p.transpose;
  g.m = g.n = g.ldd = y.rows;
  g.k = p.transpose ? a.rows : a.columns;
  g.a = g.b = r.in[0].data;
  g.lda = g.ldb = a.columns;
  g.alpha = p.alpha;
  g.d = r.out[0].data;
  g.batch = a.count;
  g.step_a = g.step_b = a.area();
  g.step_d = y.area();
  gemm(*r.context.stream, r.in[0].dtype, g);
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "_linalg_syrk", forward); }

}  // namespace mixnet::op::linalg_syrk

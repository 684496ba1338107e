// dot and batch_dot on GPUs; see dot.cc.
#include "op/linalg/dot.h"

#include "op/core/gpu/gemm.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::dot {
namespace {

gpu::Gemm product(const Params& p, const Sizes& s, const RunContext& r) {
  gpu::Gemm g;
  g.trans_a = p.transpose_a;
  g.trans_b = p.transpose_b;
  g.m = s.m;
  g.n = g.ldd = s.n;
  g.k = s.k;
  g.a = r.in[0].data;
  g.lda = p.transpose_a ? s.m : s.k;
  g.b = r.in[1].data;
  g.ldb = p.transpose_b ? s.k : s.n;
  g.d = r.out[0].data;
  return g;
}

void forward(const Params& p, const RunContext& r) {
  gemm(*r.context.stream, r.in[0].dtype, product(p, Sizes(p, r.in[0].shape, r.in[1].shape), r));
}

void batch_forward(const Params& p, const RunContext& r) {
  const Shape &a = r.in[0].shape, &b = r.in[1].shape;
  const Sizes s(p, matrix(a), matrix(b));
  gpu::Gemm g = product(p, s, r);
  g.batch = a.size(0, a.ndim() - 2);
  g.step_a = s.m * s.k;
  g.step_b = s.k * s.n;
  g.step_d = s.m * s.n;
  gemm(*r.context.stream, r.in[0].dtype, g);
}

// One matrix as an operand, transposed once more or not.
struct Operand {
  const void* data;
  int64_t ld;
  bool transposed;
};

// (dy, a, b) to (da, db), each as it lies: transposed where a or b is.
void backward(const Params& p, const RunContext& r) {
  const Sizes s(p, r.in[1].shape, r.in[2].shape);
  const auto multiply = [&](int output, int64_t m, int64_t n, int64_t k, const Operand& x, const Operand& y) {
    gpu::Gemm g;
    g.trans_a = x.transposed;
    g.trans_b = y.transposed;
    g.m = m;
    g.n = g.ldd = n;
    g.k = k;
    g.a = x.data;
    g.lda = x.ld;
    g.b = y.data;
    g.ldb = y.ld;
    g.d = r.out[static_cast<size_t>(output)].data;
    if (g.d) gemm(*r.context.stream, r.in[0].dtype, g);
  };
  const auto dy = [&](bool transposed) { return Operand{r.in[0].data, s.n, transposed}; };
  const auto a = [&](bool transposed) { return Operand{r.in[1].data, p.transpose_a ? s.m : s.k, transposed}; };
  const auto b = [&](bool transposed) { return Operand{r.in[2].data, p.transpose_b ? s.k : s.n, transposed}; };
  if (p.transpose_a) multiply(0, s.k, s.m, s.n, b(p.transpose_b), dy(true));
  else multiply(0, s.m, s.k, s.n, dy(false), b(!p.transpose_b));
  if (p.transpose_b) multiply(1, s.n, s.k, s.m, dy(true), a(p.transpose_a));
  else multiply(1, s.k, s.n, s.m, a(!p.transpose_a), dy(false));
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "dot", forward);
  gpu::kernel<Params>(registry, "batch_dot", batch_forward);
  gpu::kernel<Params>(registry, "_backward_dot", backward);
}

}  // namespace mixnet::op::dot

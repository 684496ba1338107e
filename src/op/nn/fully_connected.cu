// FullyConnected on GPUs; see fully_connected.cc.
#include "op/nn/fully_connected.h"

#include "op/core/gpu/column_sums.h"
#include "op/core/gpu/gemm.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::fully_connected {
namespace {

void forward(const Params& p, const RunContext& r) {
  const Matrix x(r.in[0].shape, p);
  gpu::Gemm g;
  g.trans_b = true;
  g.m = x.rows;
  g.n = g.ldd = p.num_hidden;
  g.k = g.lda = g.ldb = x.depth;
  g.a = r.in[0].data;
  g.b = r.in[1].data;
  g.bias = p.no_bias ? nullptr : r.in[2].data;
  g.d = r.out[0].data;
  gemm(*r.context.stream, r.in[0].dtype, g);
}

// (dy, x, w) to (dx, dw, db).
void backward(const Params& p, const RunContext& r) {
  Stream& stream = *r.context.stream;
  const Matrix x(r.in[1].shape, p);
  const DType dtype = r.in[0].dtype;
  gpu::Gemm g;
  g.a = r.in[0].data;
  g.lda = p.num_hidden;
  g.n = g.ldb = g.ldd = x.depth;
  if (r.out[0].data) {
    g.m = x.rows;
    g.k = p.num_hidden;
    g.b = r.in[2].data;
    g.d = r.out[0].data;
    gemm(stream, dtype, g);
  }
  if (r.out[1].data) {
    g.trans_a = true;
    g.m = p.num_hidden;
    g.k = x.rows;
    g.b = r.in[1].data;
    g.d = r.out[1].data;
    gemm(stream, dtype, g);
  }
  if (!p.no_bias && r.out[2].data)
    gpu::column_sums(stream, dtype, r.in[0].data, x.rows, p.num_hidden, 1, r.out[2].data);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "FullyConnected", forward);
  gpu::kernel<Params>(registry, "_backward_FullyConnected", backward);
}

}  // namespace mixnet::op::fully_connected

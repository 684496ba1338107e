// Deconvolution on GPUs; see deconvolution.cc.
#include "op/nn/convolve.h"
#include "op/nn/deconvolution.h"

namespace mixnet::op::deconvolution {
namespace {

gpu::Convolution sizes(const ConvParams& p, const TensorView& data, const TensorView& out, const TensorView& w) {
  const Shape x = first_of(p, data.shape);
  return convolution_of(p, Geometry(p, x).w, first_of(p, out.shape), x, first_of(p, w.shape), data.dtype);
}

void forward(const ConvParams& p, const RunContext& r) {
  convolve_data(*r.context.stream, sizes(p, r.in[0], r.out[0], r.in[1]), r.in[0].data, r.in[1].data,
                p.no_bias ? nullptr : r.in[2].data, r.out[0].data);
}

// (dy, x, w) to (dx, dw, db).
void backward(const ConvParams& p, const RunContext& r) {
  Stream& stream = *r.context.stream;
  const TensorView &dy = r.in[0], &x = r.in[1], &w = r.in[2];
  const gpu::Convolution c = sizes(p, x, dy, w);
  if (r.out[0].data) convolve(stream, c, dy.data, w.data, nullptr, r.out[0].data);
  if (r.out[1].data) convolve_weight(stream, c, x.data, dy.data, r.out[1].data);
  if (!p.no_bias && r.out[2].data) sum_planes(p, stream, dy, r.out[2]);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<ConvParams>(registry, "Deconvolution", forward);
  gpu::kernel<ConvParams>(registry, "_backward_Deconvolution", backward);
}

}  // namespace mixnet::op::deconvolution

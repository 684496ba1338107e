// Deconvolution on GPUs; see deconvolution.cc.
#include "op/nn/convolve_kernels.h"
#include "op/nn/deconvolution.h"

namespace mixnet::op::deconvolution {
namespace {

gpu::Convolution sizes(const PrepareContext& c, const TensorView& data, const TensorView& out, const TensorView& w) {
  const auto& p = c.params<ConvParams>();
  const Shape x = first_of(p, data.shape);
  return convolution_of(p, Geometry(p, x).w, first_of(p, out.shape), x, first_of(p, w.shape), data.dtype);
}

std::unique_ptr<Kernel> forward(const PrepareContext& c) {
  return std::make_unique<ConvolveForward>(c, sizes(c, c.inputs[0], c.outputs[0], c.inputs[1]), true);
}

std::unique_ptr<Kernel> backward(const PrepareContext& c) {
  return std::make_unique<ConvolveBackward>(c, sizes(c, c.inputs[1], c.inputs[0], c.inputs[2]), true);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "Deconvolution", forward);
  gpu::prepared(registry, "_backward_Deconvolution", backward);
}

}  // namespace mixnet::op::deconvolution

// Convolution on GPUs; see convolution.cc.
#include "op/core/tailed.h"
#include "op/nn/convolve_kernels.h"

namespace mixnet::op::convolution {
namespace {

gpu::Convolution sizes(const PrepareContext& c, const TensorView& x, const TensorView& y, const TensorView& w) {
  const auto& p = c.params<ConvParams>();
  return convolution_of(p, p.window(), first_of(p, x.shape), first_of(p, y.shape), first_of(p, w.shape), x.dtype);
}

std::unique_ptr<Kernel> forward(const PrepareContext& c) {
  return std::make_unique<ConvolveForward>(c, sizes(c, c.inputs[0], c.outputs[0], c.inputs[1]), false);
}

std::unique_ptr<Kernel> backward(const PrepareContext& c) {
  return std::make_unique<ConvolveBackward>(c, sizes(c, c.inputs[1], c.inputs[0], c.inputs[2]), false);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "Convolution", forward);
  offer_tail_on_gpu("Convolution", {gpu::takes_tail, forward});
  gpu::prepared(registry, "_backward_Convolution", backward);
}

}  // namespace mixnet::op::convolution

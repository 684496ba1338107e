// Convolution on GPUs; see convolution.cc.
#include "op/core/tailed.h"
#include "op/nn/convolve_last.h"

namespace mixnet::op::convolution {
namespace {

gpu::Convolution sizes(const PrepareContext& c, const TensorView& x, const TensorView& y, const TensorView& w) {
  const auto& p = c.params<ConvParams>();
  return convolution_of(p, p.window(), first_of(p, x.shape), first_of(p, y.shape), first_of(p, w.shape), x.dtype);
}

// Null where channels stay second: they do where tensor cores are not used, in training steps (BatchNorm's kernels would be slower), and where cuDNN
// has nothing for it.
std::unique_ptr<Kernel> forward_last(const PrepareContext& c) {
  const auto& p = c.params<ConvParams>();
  const gpu::LayoutWish wish = gpu::layout_wish();
  const TensorView &x = c.inputs[0], &y = c.outputs[0], &w = c.inputs[1];
  if (wish == gpu::LayoutWish::first || is_channels_last(p.layout) || x.ndim() < 4) return nullptr;
  const bool cores = x.dtype == DType::f32 ? gpu::plan_wishes().tensor_float32 : x.dtype != DType::f64,
             asked = wish == gpu::LayoutWish::last;
  if (!asked && (c.training || !cores)) return nullptr;
  ConvParams last = p;
  last.layout = ConvLayout::nhwc;
  const gpu::Finish finish = finish_of(c);
  const gpu::PreparedConvolution it =
      prepared(p, c.device, gpu::Direction::forward,
               convolution_of(last, p.window(), x.shape, y.shape, w.shape, x.dtype), finish);
  if (!asked && !it.by_cudnn()) return nullptr;
  return std::make_unique<ConvolveLast>(c, finish, it);
}

std::unique_ptr<Kernel> forward(const PrepareContext& c) {
  if (auto kernel = forward_last(c)) return kernel;
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

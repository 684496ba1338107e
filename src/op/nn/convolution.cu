// Convolution on GPUs; see convolution.cc.
#include "op/core/tailed.h"
#include "op/nn/convolve_last.h"

namespace mixnet::op::convolution {
namespace {

gpu::Convolution sizes(const PrepareContext& c, const TensorView& x, const TensorView& y, const TensorView& w) {
  const auto& p = c.params<ConvParams>();
  return convolution_of(p, p.window(), first_of(p, x.shape), first_of(p, y.shape), first_of(p, w.shape), x.dtype);
}

// Whether channels may lie last: where tensor cores are used, or where the setting says so.
bool may_lie_last(const ConvParams& p, const TensorView& x) {
  const gpu::LayoutWish wish = gpu::layout_wish();
  if (wish == gpu::LayoutWish::first || is_channels_last(p.layout) || x.ndim() < 4) return false;
  if (wish == gpu::LayoutWish::last) return true;
  return x.dtype == DType::f32 ? gpu::plan_wishes().tensor_float32 : x.dtype != DType::f64;
}
gpu::Convolution sizes_last(const ConvParams& p, const TensorView& x, const TensorView& y, const TensorView& w) {
  ConvParams last = p;
  last.layout = ConvLayout::nhwc;
  return convolution_of(last, p.window(), x.shape, y.shape, w.shape, x.dtype);
}
bool asked() { return gpu::layout_wish() == gpu::LayoutWish::last; }

std::unique_ptr<Kernel> forward_first(const PrepareContext& c) {
  return std::make_unique<ConvolveForward>(c, sizes(c, c.inputs[0], c.outputs[0], c.inputs[1]), false);
}

// Null where channels stay second: also where cuDNN has nothing for it.
std::unique_ptr<Kernel> forward_last(const PrepareContext& c) {
  const auto& p = c.params<ConvParams>();
  const TensorView &x = c.inputs[0], &y = c.outputs[0], &w = c.inputs[1];
  if (!may_lie_last(p, x)) return nullptr;
  const gpu::Finish finish = finish_of(c);
  const gpu::PreparedConvolution it = prepared(p, c.device, gpu::Direction::forward, sizes_last(p, x, y, w), finish);
  if (!asked() && !it.by_cudnn()) return nullptr;
  // Weights change with every training step: nothing is packed.
  auto alone = c.training && !asked() ? forward_first(c) : nullptr;
  return std::make_unique<ConvolveLast>(c, finish, it, std::move(alone));
}

std::unique_ptr<Kernel> forward(const PrepareContext& c) {
  if (auto kernel = forward_last(c)) return kernel;
  return forward_first(c);
}

// Null where neither the result's gradient nor the data come with channels last.
std::unique_ptr<Kernel> backward_last(const PrepareContext& c) {
  const auto& p = c.params<ConvParams>();
  const TensorView &dy = c.inputs[0], &x = c.inputs[1], &w = c.inputs[2];
  if (!(gpu::comes_last(c, 0) || gpu::comes_last(c, 1)) || !may_lie_last(p, x)) return nullptr;
  const gpu::Convolution it = sizes_last(p, x, dy, w);
  std::optional<gpu::PreparedConvolution> data, weight;
  if (c.wanted[0]) data.emplace(prepared(p, c.device, gpu::Direction::data, it, false));
  if (c.wanted[1]) weight.emplace(prepared(p, c.device, gpu::Direction::weight, it, false));
  if (!asked() && !((!data || data->by_cudnn()) && (!weight || weight->by_cudnn()))) return nullptr;
  return std::make_unique<ConvolveBackwardLast>(c, std::move(data), std::move(weight));
}

std::unique_ptr<Kernel> backward(const PrepareContext& c) {
  if (auto kernel = backward_last(c)) return kernel;
  return std::make_unique<ConvolveBackward>(c, sizes(c, c.inputs[1], c.inputs[0], c.inputs[2]), false);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "Convolution", forward);
  offer_tail_on_gpu("Convolution", {gpu::takes_tail, forward});
  gpu::prepared(registry, "_backward_Convolution", backward);
}

}  // namespace mixnet::op::convolution

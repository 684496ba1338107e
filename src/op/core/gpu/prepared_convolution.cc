#include "op/core/gpu/prepared_convolution.h"

#include "base/environment.h"

namespace mixnet::gpu {
namespace {

bool aligned(const void* address, size_t to) { return reinterpret_cast<uintptr_t>(address) % to == 0; }

bool empty(const Convolution& c) {
  return c.images * c.groups * c.filters * c.channels * c.pixels() * c.positions() * c.volume() == 0;
}

}  // namespace

PreparedConvolution::PreparedConvolution(int device, Direction direction, const Convolution& c, bool bias,
                                         const PlanWishes& wishes)
    : direction_(direction), c_(c) {
  if (empty(c)) return;
  // There is no engine for a data gradient and a bias.
  if (!bias || direction == Direction::forward) plan_ = cudnn_plan(device, direction, c, bias, wishes);
  if (plan_ || !bias) return;
  plan_ = cudnn_plan(device, direction, c, false, wishes);
  bias_after_ = plan_ != nullptr;
}

void PreparedConvolution::run(Stream& stream, const ConvolutionData& data, void* workspace) const {
  const bool odd = [&] {
    for (const void* address : {static_cast<const void*>(data.x), static_cast<const void*>(data.w),
                                static_cast<const void*>(data.y), data.bias}) {
      if (!aligned(address, ConvolutionPlan::alignment)) return true;
    }
    return false;
  }();
  if (!plan_ || odd) return convolve(stream, direction_, c_, data);
  constexpr uintptr_t to = ConvolutionPlan::workspace_alignment;
  const uintptr_t at = (reinterpret_cast<uintptr_t>(workspace) + to - 1) / to * to;
  plan_->run(stream, data, reinterpret_cast<void*>(at));
  if (bias_after_) add_bias(stream, direction_, c_, data);
}

PlanWishes plan_wishes() {
  PlanWishes w;
  const int64_t tuning = environment_int("CUDNN_AUTOTUNE", environment_int("CUDNN_AUTOTUNE_DEFAULT", 0));
  MIXNET_CHECK(tuning >= 0 && tuning <= 2, invalid, "[environment] MIXNET_CUDNN_AUTOTUNE: expected 0, 1 or 2, got ",
               tuning);
  w.tuning = tuning == 0 ? Tuning::off : tuning == 1 ? Tuning::limited : Tuning::fastest;
  w.tensor_float32 = environment_bool("GPU_TF32", w.tensor_float32);
  w.deterministic = environment_bool("ENFORCE_DETERMINISM", false);
  return w;
}

}  // namespace mixnet::gpu

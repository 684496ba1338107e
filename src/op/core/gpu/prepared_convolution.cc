#include "op/core/gpu/prepared_convolution.h"

#include <vector>

#include "base/environment.h"

namespace mixnet::gpu {
namespace {

bool aligned(const void* address, size_t to) { return reinterpret_cast<uintptr_t>(address) % to == 0; }

bool empty(const Convolution& c) {
  return c.images * c.groups * c.filters * c.channels * c.pixels() * c.positions() * c.volume() == 0;
}

}  // namespace

PreparedConvolution::PreparedConvolution(int device, Direction direction, const Convolution& c, const Finish& finish,
                                         const PlanWishes& wishes)
    : direction_(direction), c_(c), finish_(finish) {
  if (empty(c)) return;
  std::vector<Finish> ways{finish};
  if (finish.without(finish.bias).any()) ways.emplace_back(finish.bias);
  if (finish.bias) ways.emplace_back(false);
  for (const Finish& way : ways) {
    // There is no engine for a data gradient and more.
    if (direction != Direction::forward && way.any()) continue;
    plan_ = cudnn_plan(device, direction, c, way, wishes);
    rest_ = finish.without(way);
    if (plan_) return;
  }
}

void PreparedConvolution::run(Stream& stream, const ConvolutionData& data, void* workspace) const {
  const bool odd = [&] {
    for (const void* address : {static_cast<const void*>(data.x), static_cast<const void*>(data.w),
                                static_cast<const void*>(data.y), data.bias, data.residual}) {
      if (!aligned(address, ConvolutionPlan::alignment)) return true;
    }
    return false;
  }();
  if (!plan_ || odd) return convolve(stream, direction_, c_, finish_, data);
  constexpr uintptr_t to = ConvolutionPlan::workspace_alignment;
  const uintptr_t at = (reinterpret_cast<uintptr_t>(workspace) + to - 1) / to * to;
  plan_->run(stream, data, reinterpret_cast<void*>(at));
  if (rest_.any()) finish_result(stream, direction_, c_, rest_, data);
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

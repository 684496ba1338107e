// A convolution made ready for its shapes: by cuDNN where it can, else by our own kernels.
#pragma once
#include "op/core/gpu/cudnn_convolution.h"

namespace mixnet::gpu {

class PreparedConvolution {
 public:
  // By our own kernel.
  PreparedConvolution(Direction direction, const Convolution& c) : direction_(direction), c_(c) {}
  PreparedConvolution(int device, Direction direction, const Convolution& c, bool bias, const PlanWishes& wishes);

  size_t workspace() const { return plan_ ? plan_->workspace() + ConvolutionPlan::workspace_alignment : 0; }
  void run(Stream& stream, const ConvolutionData& data, void* workspace) const;
  // Whether cuDNN runs it, unless an address is odd.
  bool by_cudnn() const { return plan_ != nullptr; }

 private:
  const Direction direction_;
  const Convolution c_;
  std::shared_ptr<const ConvolutionPlan> plan_;
  bool bias_after_ = false;  // cuDNN has no engine that adds it
};

// What the settings say: MIXNET_CUDNN_AUTOTUNE, MIXNET_GPU_TF32, MIXNET_ENFORCE_DETERMINISM.
PlanWishes plan_wishes();

}  // namespace mixnet::gpu

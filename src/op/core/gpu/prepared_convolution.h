// A convolution made ready for its shapes: by cuDNN where it can, with as much of its finish as that takes along, else by our own kernels.
#pragma once
#include "op/core/gpu/cudnn_convolution.h"

namespace mixnet::gpu {

class PreparedConvolution {
 public:
  // By our own kernel.
  PreparedConvolution(Direction direction, const Convolution& c, const Finish& finish = {})
      : direction_(direction), c_(c), finish_(finish) {}
  PreparedConvolution(int device, Direction direction, const Convolution& c, const Finish& finish,
                      const PlanWishes& wishes);

  size_t workspace() const { return plan_ ? plan_->workspace() + ConvolutionPlan::workspace_alignment : 0; }
  void run(Stream& stream, const ConvolutionData& data, void* workspace) const;
  // Whether cuDNN runs it, unless an address is odd.
  bool by_cudnn() const { return plan_ != nullptr; }

 private:
  const Direction direction_;
  const Convolution c_;
  const Finish finish_;
  std::shared_ptr<const ConvolutionPlan> plan_;
  Finish rest_;  // what cuDNN has no engine for
};

// What the settings say: MIXNET_CUDNN_AUTOTUNE, MIXNET_GPU_TF32, MIXNET_ENFORCE_DETERMINISM.
PlanWishes plan_wishes();

}  // namespace mixnet::gpu

// Parameters of _contrib_quantized_batch_norm, shared with its device siblings.
#pragma once
#include "op/core/quantized.h"

namespace mixnet::op::quantized_batch_norm {

struct Params : quantized::Calibrated {
  double eps = 0.0010000000474974513, momentum = 0.9;
  bool fix_gamma = true, use_global_stats = false, output_mean_var = false, cudnn_off = false;
  int64_t axis = 1;
};

}  // namespace mixnet::op::quantized_batch_norm

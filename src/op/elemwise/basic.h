// Parameters of the operators in basic.cc, for their kernels on CPUs and GPUs, and how a sum back to a broadcast shape runs.
#pragma once
#include "op/core/broadcast.h"

namespace mixnet::op::basic {

struct AddN {
  int64_t num_args = 1;
};
struct CastParams {
  DType dtype = DType::f32;
};
struct ClipParams {
  double a_min = 0, a_max = 0;
};
struct MakeLossParams {
  enum class Norm { null, batch, valid };
  double grad_scale = 1, valid_thresh = 0;
  Norm normalization = Norm::null;
};

// What a loss's gradient is everywhere; `valid` elements count where the parameters ask for them.
MIXNET_ON_DEVICE inline double loss_scale(const MakeLossParams& p, int64_t batch, int64_t valid) {
  switch (p.normalization) {
    case MakeLossParams::Norm::batch: return p.grad_scale / static_cast<double>(batch > 0 ? batch : 1);
    case MakeLossParams::Norm::valid: return p.grad_scale / static_cast<double>(valid > 0 ? valid : 1);
    default: return p.grad_scale;
  }
}

// Loops over (result, data): over the result, and over what is summed into each of its elements.
struct SumLoops {
  StridedLoop<2> kept, summed;
  SumLoops(const Shape& result, const Shape& data) {
    const auto so = broadcast_strides(result, data), si = row_major_strides(data), own = row_major_strides(result);
    const int shift = data.ndim() - result.ndim();
    for (int i = 0; i < data.ndim(); ++i) {
      const size_t d = static_cast<size_t>(i);
      const bool keep = i >= shift && result[i - shift] == data[i];
      if (keep) kept.add(data[i], {own[static_cast<size_t>(i - shift)], si[d]});
      else summed.add(data[i], {so[d], si[d]});
    }
  }
};

}  // namespace mixnet::op::basic

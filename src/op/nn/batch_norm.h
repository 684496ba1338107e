// Parameters of BatchNorm, shared with its device siblings.
#pragma once
#include "op/core/builder.h"

namespace mixnet::op::batch_norm {

struct Params {
  double eps = 1e-3, momentum = 0.9;
  bool fix_gamma = true, use_global_stats = false, output_mean_var = false, cudnn_off = false;
  int64_t axis = 1;
  std::optional<double> min_calib_range, max_calib_range;
};
struct SyncParams : Params {
  int64_t ndev = 1;
  std::string key;
};

struct Sizes {
  int64_t outer, channels, inner;
  Sizes(const Shape& s, const Params& p) {
    const int axis = normalize_axis(p.axis, s.ndim(), "BatchNorm");
    outer = s.size(0, axis);
    channels = s[axis];
    inner = s.size(axis + 1, s.ndim());
  }
  int64_t count() const { return outer * inner; }
};

}  // namespace mixnet::op::batch_norm

// The geometry of Deconvolution, shared with its device siblings.
#pragma once
#include "op/nn/convolution.h"

namespace mixnet::op::deconvolution {

// pad and adj as given, or as target_shape implies them.
struct Geometry {
  Window w;
  int64_t adj[3] = {0, 0, 0};
  Geometry(const ConvParams& p, const Shape& in) : w(p.window()) {
    bool target = false;
    for (int64_t extent : p.target_shape) target = target || extent > 0;
    for (int i = 0; i < w.dims; ++i) {
      if (target && in.ndim_known() && in[2 + i] >= 0) {
        const int64_t total = w.stride[i] * (in[2 + i] - 1) + w.reach(i) - p.target_shape[i];
        MIXNET_CHECK(total >= 0, invalid, "target_shape: expected at most ", total + p.target_shape[i], " along axis ",
                     i, ", got ", p.target_shape);
        w.pad[i] = (total + 1) / 2;
        adj[i] = total % 2;
      } else if (i < p.adj.ndim()) {
        adj[i] = p.adj[i];
        MIXNET_CHECK(adj[i] < w.stride[i] || adj[i] == 0, invalid, "adj: expected less than stride, got ", p.adj);
      }
    }
  }
  int64_t extent(int i, int64_t in) const { return w.stride[i] * (in - 1) + w.reach(i) - 2 * w.pad[i] + adj[i]; }
};

}  // namespace mixnet::op::deconvolution

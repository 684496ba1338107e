// Parameters and geometry of Pooling, shared with its device siblings.
#pragma once
#include "op/core/builder.h"
#include "op/nn/convolution.h"

namespace mixnet::op {

enum class PoolType { avg, lp, max, sum };
enum class PoolConvention { full, same, valid };

struct PoolParams {
  Shape kernel, stride, pad;
  PoolType type = PoolType::max;
  PoolConvention convention = PoolConvention::valid;
  bool global_pool = false, cudnn_off = false;
  std::optional<int64_t> p_value;
  std::optional<bool> count_include_pad;
  ConvLayout layout = ConvLayout::none;
  int64_t pad_below = -1;  // of a part of the rows: padding at the far end of the first axis; -1: as at the near end

  int64_t far_pad(const Window& w, int i) const { return i == 0 && pad_below >= 0 ? pad_below : w.pad[i]; }
  // The window for an input of this shape.
  Window window(const Shape& in) const {
    if (!global_pool) return Window(kernel, stride, Shape(), pad);
    Shape all;
    for (int i = 2; i < in.ndim(); ++i) all.push_back(std::max<int64_t>(1, in[i]));
    return Window(all, Shape(), Shape(), Shape());
  }
  int64_t positions(const Window& w, int i, int64_t extent) const {
    if (global_pool) return 1;
    const int64_t room = extent + 2 * w.pad[i] - w.kernel[i];
    if (convention == PoolConvention::same) return (extent + w.stride[i] - 1) / w.stride[i];
    if (room < 0) return 0;
    return convention == PoolConvention::full ? (room + w.stride[i] - 1) / w.stride[i] + 1 : room / w.stride[i] + 1;
  }
};

}  // namespace mixnet::op

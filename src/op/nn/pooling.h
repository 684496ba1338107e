// Parameters and geometry of Pooling, shared with its device siblings.
#pragma once
#include <algorithm>
#include <cmath>

#include "base/on_device.h"
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

inline void check_pool(const PoolParams& p) {
  MIXNET_CHECK(p.global_pool || p.kernel.ndim() > 0, invalid, "kernel: required unless global_pool is set");
  if (!p.global_pool) {
    const Window w(p.kernel, p.stride, Shape(), p.pad);
    for (int i = 0; i < w.dims; ++i)
      MIXNET_CHECK(w.pad[i] < w.kernel[i], invalid, "pad: expected less than the kernel ", p.kernel, ", got ", p.pad);
  }
  MIXNET_CHECK(p.type != PoolType::lp || p.p_value.value_or(0) >= 1, invalid,
               "p_value: expected at least 1 for pool_type lp");
  check_layout(p.layout, p.kernel.ndim(), p.global_pool);
}

// What the window at one position covers along one axis, and how much of it the average counts.
struct PoolRange {
  int64_t first, last, count;
};

struct PoolGeometry {
  Window w;
  Image m;
  bool include;  // padding counts
  int64_t far_pad[3] = {0, 0, 0};
  PoolGeometry(const PoolParams& p, const Shape& in, const Shape& out)
      : w(aligned(p.window(in))),
        m(conv_image(p.window(in), in, out, 1)),
        include(p.count_include_pad.value_or(true) && !p.global_pool) {
    const Window own = p.window(in);
    for (int i = 0; i < own.dims; ++i) far_pad[3 - own.dims + i] = p.far_pad(own, i);
  }
  MIXNET_ON_DEVICE PoolRange range(int axis, int64_t index) const {
    const int64_t start = index * w.stride[axis] - w.pad[axis],
                  end = std::min(start + w.kernel[axis], m.in[axis] + far_pad[axis]);
    const int64_t first = std::max<int64_t>(start, 0), last = std::min(end, m.in[axis]);
    return {first, last, include ? end - start : last - first};
  }
  bool one_window() const {
    bool one = m.out_size() == 1;
    for (int i = 0; i < 3; ++i) one = one && w.kernel[i] == m.in[i] && w.pad[i] == 0;
    return one;
  }
};

template <class T>
MIXNET_ON_DEVICE T pool_raised(T x, int64_t p) {
  const T size = std::fabs(x);
  return p == 1 ? size : p == 2 ? x * x : std::pow(size, static_cast<T>(p));
}
template <class T>
MIXNET_ON_DEVICE T pool_rooted(T x, int64_t p) {
  return p == 1 ? x : p == 2 ? std::sqrt(x) : std::pow(x, 1 / static_cast<T>(p));
}

inline void add_pool_params(OpBuilder<PoolParams>& op) {
  op.param("kernel", &PoolParams::kernel).range(1).doc("Extent of the window: (w), (h, w) or (d, h, w).");
  op.param("pool_type", &PoolParams::type, {"avg", "lp", "max", "sum"}).doc("What is taken of each window.");
  op.param("global_pool", &PoolParams::global_pool)
      .doc("One window over everything; kernel, stride and pad are ignored.");
  op.param("cudnn_off", &PoolParams::cudnn_off).doc("Accepted for MXNet's files.");
  op.param("pooling_convention", &PoolParams::convention, {"full", "same", "valid"})
      .doc("Number of windows: floor (valid), ceil (full), or input / stride (same).");
  op.param("stride", &PoolParams::stride).range(1).doc("Step of the window; 1 when empty.");
  op.param("pad", &PoolParams::pad).range(0).doc("Elements added on both sides; 0 when empty.");
  op.param("p_value", &PoolParams::p_value).doc("The p of pool_type lp.");
  op.param("count_include_pad", &PoolParams::count_include_pad)
      .doc("Whether padding counts for the average; yes unless False.");
  op.param("layout", &PoolParams::layout, {"None", "NCDHW", "NCHW", "NCW", "NDHWC", "NHWC"})
      .doc("Order of the axes of data; channels first unless NHWC or NDHWC.");
  op.check(check_pool);
}

}  // namespace mixnet::op

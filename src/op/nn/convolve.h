// Convolution's parameters as the convolution of a GPU's kernels, which take channels last as they lie.
#pragma once
#include "op/core/gpu/column_sums.h"
#include "op/core/gpu/convolve.h"
#include "op/core/gpu/register.h"
#include "op/nn/convolution.h"

namespace mixnet::op {

// A shape of channels first, of a tensor that lies channels first or last.
inline gpu::Convolution::Steps steps_of(const Shape& first, bool last) {
  const auto steps = row_major_strides(last ? channels_last(first) : first);
  const int n = first.ndim();
  const auto of = [&](int axis) {
    return steps[static_cast<size_t>(!last || axis == 0 ? axis : axis == 1 ? n - 1 : axis - 1)];
  };
  gpu::Convolution::Steps s{of(0), of(1), {0, 0, 0}};
  for (int i = 2; i < n; ++i) s.at[3 - n + i] = of(i);
  return s;
}

// `big` and `small` as Image has them, all shapes channels first.
inline gpu::Convolution convolution_of(const ConvParams& p, const Window& window, const Shape& big, const Shape& small,
                                       const Shape& weight, DType dtype) {
  const bool last = is_channels_last(p.layout);
  const Window w = aligned(window);
  const Image m = conv_image(window, big, small, big[1] / p.num_group);
  gpu::Convolution c;
  c.images = big[0];
  c.groups = p.num_group;
  c.filters = small[1] / p.num_group;
  c.channels = m.channels;
  for (int i = 0; i < 3; ++i) {
    c.in[i] = m.in[i];
    c.out[i] = m.out[i];
    c.kernel[i] = w.kernel[i];
    c.stride[i] = w.stride[i];
    c.dilate[i] = w.dilate[i];
    c.pad[i] = w.pad[i];
  }
  c.x = steps_of(big, last);
  c.y = steps_of(small, last);
  c.weight = steps_of(weight, last);
  c.dtype = dtype;
  return c;
}

inline Shape first_of(const ConvParams& p, const Shape& s) {
  return is_channels_last(p.layout) ? channels_first(s) : s;
}

// The gradient of a bias: the sums of an image's planes, over all images.
inline void sum_planes(const ConvParams& p, Stream& stream, const TensorView& dy, const TensorView& db) {
  const bool last = is_channels_last(p.layout);
  const int64_t channels = db.size(), inner = dy.shape.size(last ? 1 : 2, dy.ndim() - (last ? 1 : 0));
  gpu::column_sums(stream, dy.dtype, dy.data, last ? dy.shape[0] * inner : dy.shape[0], channels, last ? 1 : inner,
                   db.data);
}

}  // namespace mixnet::op

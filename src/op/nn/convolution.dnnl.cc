// Convolution on oneDNN: forward, and the gradients of data and weights with bias.
#include "op/nn/dnnl_conv.h"

namespace mixnet::op::convolution {
namespace {

// Blocks of 16 channels, which oneDNN likes in training, are mostly padding for other numbers of channels; and the first layer of a
// net for prediction, which it would give in blocks, is followed by layers that take channels last. There the image is converted, which
// takes memory: only where the result is much larger.
bool better_channels_last(const ConvParams& p, const TensorView& x, const TensorView& y, bool training) {
  const int64_t in = x.shape[1], out = p.num_filter;
  // oneDNN 3's gradient of strided 1x1 weights in this layout is wrong on several threads.
  const Window w = p.window();
  for (int i = 0; training && i < w.dims; ++i) {
    if (w.kernel[i] == 1 && w.stride[i] > 1) return false;
  }
  if (p.num_group > 1) return false;
  if (training) return (in == 1 || in >= 8) && (out % 16 != 0 || (in > 1 && in % 16 != 0));
  return in < 8 && y.size() >= 4 * x.size();
}

bool fits_winograd(const ConvParams& p, const TensorView& x) {
  const Window w = p.window();
  bool fits =
      w.dims == 2 && p.num_group == 1 && p.num_filter % winograd::lanes == 0 && x.shape[1] % winograd::lanes == 0;
  for (int i = 0; i < 2 && fits; ++i) fits = w.kernel[i] == 3 && w.stride[i] == 1 && w.dilate[i] == 1;
  return fits;
}

struct ShapeOf : DnnlConvShape {
  ShapeOf(const ConvParams& p, const TensorView& x, const TensorView& y, bool training) {
    data.assign(x.shape.begin(), x.shape.end());
    out.assign(y.shape.begin(), y.shape.end());
    bias = {p.num_filter};
    type = dnnl_type(x.dtype);
    const Window window = p.window();
    const int64_t groups = p.num_group;
    weight = {p.num_filter / groups, x.shape[1] / groups};
    if (groups > 1) weight.insert(weight.begin(), groups);
    for (int i = 0; i < window.dims; ++i) {
      weight.push_back(window.kernel[i]);
      stride.push_back(window.stride[i]);
      dilate.push_back(window.dilate[i] - 1);
      pad_low.push_back(window.pad[i]);
      pad_high.push_back((y.shape[2 + i] - 1) * window.stride[i] + window.reach(i) - x.shape[2 + i] - window.pad[i]);
    }
    plain_weight = dnnl_plain(weight, type);
    channels_last = better_channels_last(p, x, y, training);
    if (fits_winograd(p, x)) {
      winograd = WinogradShape{x.shape[0], x.shape[1],    p.num_filter,  y.shape[2],
                               y.shape[3], window.pad[0], window.pad[1], winograd_storage(type)};
    }
    if (is_channels_last(p.layout)) give_last(groups > 1 ? 2 : 1, training);
  }
};

}  // namespace

void register_dnnl(Registry& registry) {
  DnnlConv<ShapeOf, dnnl::convolution_forward, dnnl::convolution_backward_data, dnnl::convolution_backward_weights,
           dnnl::algorithm::convolution_auto>::add(registry, "Convolution");
}

}  // namespace mixnet::op::convolution

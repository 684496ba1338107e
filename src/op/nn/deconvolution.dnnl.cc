// Deconvolution on oneDNN: forward, and the gradients of data and weights with bias.
#include "op/nn/deconvolution.h"

#include "op/nn/dnnl_conv.h"

namespace mixnet::op::deconvolution {
namespace {

struct ShapeOf : DnnlConvShape {
  ShapeOf(const ConvParams& p, const TensorView& x, const TensorView& y, bool training) {
    data.assign(x.shape.begin(), x.shape.end());
    out.assign(y.shape.begin(), y.shape.end());
    bias = {p.num_filter};
    type = dnnl_type(x.dtype);
    const Geometry g(p, x.shape);
    const int64_t groups = p.num_group, channels = x.shape[1] / groups, filters = p.num_filter / groups;
    // Our weights have the input channel first, oneDNN's axes the output channel.
    int64_t step = g.w.volume();
    weight = {filters, channels};
    DnnlDims strides{step, filters * step};
    if (groups > 1) {
      weight.insert(weight.begin(), groups);
      strides.insert(strides.begin(), channels * filters * step);
    }
    for (int i = 0; i < g.w.dims; ++i) {
      weight.push_back(g.w.kernel[i]);
      strides.push_back(step /= g.w.kernel[i]);
      stride.push_back(g.w.stride[i]);
      dilate.push_back(g.w.dilate[i] - 1);
      pad_low.push_back(g.w.pad[i]);
      pad_high.push_back(g.w.stride[i] * (x.shape[2 + i] - 1) + g.w.reach(i) - y.shape[2 + i] - g.w.pad[i]);
    }
    plain_weight = {weight, type, strides};
    if (is_channels_last(p.layout)) give_last(groups > 1 ? 1 : 0, training);
  }
};

}  // namespace

void register_dnnl(Registry& registry) {
  DnnlConv<ShapeOf, dnnl::deconvolution_forward, dnnl::deconvolution_backward_data,
           dnnl::deconvolution_backward_weights, dnnl::algorithm::deconvolution_direct>::add(registry, "Deconvolution");
}

}  // namespace mixnet::op::deconvolution

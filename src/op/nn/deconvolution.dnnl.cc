// Deconvolution on oneDNN: forward, and the gradients of data and weights with bias.
#include "op/nn/deconvolution.h"

#include "op/core/dnnl_kernel.h"

namespace mixnet::op::deconvolution {
namespace {

using Forward = dnnl::deconvolution_forward;
constexpr auto direct = dnnl::algorithm::deconvolution_direct;

struct Descriptors {
  DnnlDims data, weight, bias, out, stride, dilate, pad_low, pad_high;
  dnnl::memory::desc plain_weight;  // ours has the input channel first, oneDNN's dims the output channel
  DnnlType type;

  Descriptors(const ConvParams& p, const TensorView& in, const TensorView& result)
      : data(in.shape.begin(), in.shape.end()), bias{p.num_filter}, out(result.shape.begin(), result.shape.end()), type(dnnl_type(in.dtype)) {
    const Geometry g(p, in.shape);
    const int64_t groups = p.num_group, channels = in.shape[1] / groups, filters = p.num_filter / groups, volume = g.w.volume();
    DnnlDims strides{volume, filters * volume};
    weight = {filters, channels};
    if (groups > 1) {
      strides.insert(strides.begin(), channels * filters * volume);
      weight.insert(weight.begin(), groups);
    }
    int64_t step = volume;
    for (int i = 0; i < g.w.dims; ++i) {
      weight.push_back(g.w.kernel[i]);
      strides.push_back(step /= g.w.kernel[i]);
      stride.push_back(g.w.stride[i]);
      dilate.push_back(g.w.dilate[i] - 1);
      pad_low.push_back(g.w.pad[i]);
      pad_high.push_back(g.w.stride[i] * (in.shape[2 + i] - 1) + g.w.reach(i) - result.shape[2 + i] - g.w.pad[i]);
    }
    plain_weight = {weight, type, strides};
  }
  Forward::primitive_desc forward(bool with_bias, bool training) const {
    const auto kind = training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
    const auto x = dnnl_any(data, type), w = dnnl_any(weight, type), y = dnnl_any(out, type);
    if (!with_bias) return {dnnl_engine(), kind, direct, x, w, y, stride, dilate, pad_low, pad_high, dnnl_attributes()};
    return {dnnl_engine(), kind, direct, x, w, dnnl_plain(bias, type), y, stride, dilate, pad_low, pad_high, dnnl_attributes()};
  }
};

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  if (!dnnl_takes(c)) return nullptr;
  const ConvParams& p = c.params<ConvParams>();
  const Descriptors d(p, c.inputs[0], c.outputs[0]);
  try {
    const auto desc = d.forward(!p.no_bias, c.training);
    std::vector<DnnlKernel::Binding> bindings{{DNNL_ARG_SRC, 0, false, dnnl_plain(d.data, d.type), desc.src_desc()},
                                              {DNNL_ARG_WEIGHTS, 1, false, d.plain_weight, desc.weights_desc()},
                                              {DNNL_ARG_DST, 0, true, dnnl_plain(d.out, d.type), desc.dst_desc()}};
    if (!p.no_bias) bindings.push_back({DNNL_ARG_BIAS, 2, false, dnnl_plain(d.bias, d.type), desc.bias_desc()});
    return std::make_unique<DnnlKernel>(Forward(desc), desc.scratchpad_desc(), std::move(bindings));
  } catch (const dnnl::error&) {
    return nullptr;  // not a case oneDNN knows
  }
}

//[full
// Inputs (dy, x, w), outputs (dx, dw, db).
std::unique_ptr<Kernel> data_gradient(const Descriptors& d, const Forward::primitive_desc& hint) {
  using Backward = dnnl::deconvolution_backward_data;
  const Backward::primitive_desc desc(dnnl_engine(), direct, dnnl_any(d.data, d.type), dnnl_any(d.weight, d.type), dnnl_any(d.out, d.type), d.stride,
                                      d.dilate, d.pad_low, d.pad_high, hint, dnnl_attributes());
  std::vector<DnnlKernel::Binding> bindings{{DNNL_ARG_DIFF_DST, 0, false, dnnl_plain(d.out, d.type), desc.diff_dst_desc()},
                                            {DNNL_ARG_WEIGHTS, 2, false, d.plain_weight, desc.weights_desc()},
                                            {DNNL_ARG_DIFF_SRC, 0, true, dnnl_plain(d.data, d.type), desc.diff_src_desc()}};
  return std::make_unique<DnnlKernel>(Backward(desc), desc.scratchpad_desc(), std::move(bindings));
}

std::unique_ptr<Kernel> weight_gradient(const Descriptors& d, const Forward::primitive_desc& hint, bool bias) {
  using Backward = dnnl::deconvolution_backward_weights;
  const auto x = dnnl_any(d.data, d.type), w = dnnl_any(d.weight, d.type), b = dnnl_plain(d.bias, d.type), y = dnnl_any(d.out, d.type);
  const auto desc = bias ? Backward::primitive_desc(dnnl_engine(), direct, x, w, b, y, d.stride, d.dilate, d.pad_low, d.pad_high, hint, dnnl_attributes())
                         : Backward::primitive_desc(dnnl_engine(), direct, x, w, y, d.stride, d.dilate, d.pad_low, d.pad_high, hint, dnnl_attributes());
  std::vector<DnnlKernel::Binding> bindings{{DNNL_ARG_SRC, 1, false, dnnl_plain(d.data, d.type), desc.src_desc()},
                                            {DNNL_ARG_DIFF_DST, 0, false, dnnl_plain(d.out, d.type), desc.diff_dst_desc()},
                                            {DNNL_ARG_DIFF_WEIGHTS, 1, true, d.plain_weight, desc.diff_weights_desc()}};
  if (bias) bindings.push_back({DNNL_ARG_DIFF_BIAS, 2, true, b, desc.diff_bias_desc()});
  return std::make_unique<DnnlKernel>(Backward(desc), desc.scratchpad_desc(), std::move(bindings));
}

std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  if (!dnnl_takes(c)) return nullptr;
  const ConvParams& p = c.params<ConvParams>();
  // The bias gradient comes with the weight gradient: both or neither.
  const bool bias = !p.no_bias && c.wanted[2];
  if (bias && !c.wanted[1]) return nullptr;
  const Descriptors d(p, c.inputs[1], c.inputs[0]);
  try {
    const auto hint = d.forward(false, true);
    auto sequence = std::make_unique<SequenceKernel>();
    if (c.wanted[0]) sequence->add(data_gradient(d, hint));
    if (c.wanted[1]) sequence->add(weight_gradient(d, hint, bias));
    return sequence;
  } catch (const dnnl::error&) {
    return nullptr;
  }
}
//]

}  // namespace

void register_dnnl(Registry& registry) {
  registry.existing("Deconvolution").kernels.emplace_back(Provider::onednn, prepare);
  //[full
  registry.existing("_backward_Deconvolution").kernels.emplace_back(Provider::onednn, prepare_backward);
  //]
}

}  // namespace mixnet::op::deconvolution

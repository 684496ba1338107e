// Convolution on oneDNN: forward, and the gradients of data and weights with bias.
#include "op/nn/convolution.h"

#include "op/core/dnnl_kernel.h"

namespace mixnet::op::convolution {
namespace {

struct Descriptors {
  DnnlDims data, weight, bias, out, stride, dilate, pad_low, pad_high;
  Descriptors(const ConvParams& p, const Shape& in, const Shape& kernel, const Shape& result)
      : data(in.begin(), in.end()), bias{p.num_filter}, out(result.begin(), result.end()) {
    const Window w = p.window();
    if (p.num_group > 1) weight = {p.num_group, p.num_filter / p.num_group, kernel[1]};
    else weight = {p.num_filter, kernel[1]};
    for (int i = 0; i < w.dims; ++i) {
      weight.push_back(w.kernel[i]);
      stride.push_back(w.stride[i]);
      dilate.push_back(w.dilate[i] - 1);
      pad_low.push_back(w.pad[i]);
      pad_high.push_back((result[2 + i] - 1) * w.stride[i] + w.reach(i) - in[2 + i] - w.pad[i]);
    }
  }
};

using Algorithm = dnnl::algorithm;
using Forward = dnnl::convolution_forward;

Forward::primitive_desc forward_descriptor(const Descriptors& d, bool bias, bool training) {
  const auto kind = training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  if (!bias) {
    return {dnnl_engine(), kind, Algorithm::convolution_auto, dnnl_any(d.data), dnnl_any(d.weight), dnnl_any(d.out), d.stride, d.dilate, d.pad_low, d.pad_high, dnnl_attributes()};
  }
  return {dnnl_engine(), kind, Algorithm::convolution_auto, dnnl_any(d.data), dnnl_any(d.weight), dnnl_plain(d.bias), dnnl_any(d.out),
          d.stride, d.dilate, d.pad_low, d.pad_high, dnnl_attributes()};
}

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  if (!dnnl_takes(c)) return nullptr;
  const ConvParams& p = c.params<ConvParams>();
  const Descriptors d(p, c.inputs[0].shape, c.inputs[1].shape, c.outputs[0].shape);
  try {
    const auto desc = forward_descriptor(d, !p.no_bias, c.training);
    std::vector<DnnlKernel::Binding> bindings{{DNNL_ARG_SRC, 0, false, dnnl_plain(d.data), desc.src_desc()},
                                              {DNNL_ARG_WEIGHTS, 1, false, dnnl_plain(d.weight), desc.weights_desc()},
                                              {DNNL_ARG_DST, 0, true, dnnl_plain(d.out), desc.dst_desc()}};
    if (!p.no_bias) bindings.push_back({DNNL_ARG_BIAS, 2, false, dnnl_plain(d.bias), desc.bias_desc()});
    return std::make_unique<DnnlKernel>(Forward(desc), desc.scratchpad_desc(), std::move(bindings));
  } catch (const dnnl::error&) {
    return nullptr;  // not a case oneDNN knows
  }
}

//[full
// Inputs (dy, x, w), outputs (dx, dw, db).
std::unique_ptr<Kernel> data_gradient(const Descriptors& d, const Forward::primitive_desc& hint) {
  using Backward = dnnl::convolution_backward_data;
  const Backward::primitive_desc desc(dnnl_engine(), Algorithm::convolution_auto, dnnl_any(d.data), dnnl_any(d.weight), dnnl_any(d.out), d.stride,
                                      d.dilate, d.pad_low, d.pad_high, hint, dnnl_attributes());
  return std::make_unique<DnnlKernel>(Backward(desc), desc.scratchpad_desc(),
                                      std::vector<DnnlKernel::Binding>{{DNNL_ARG_DIFF_DST, 0, false, dnnl_plain(d.out), desc.diff_dst_desc()},
                                                                       {DNNL_ARG_WEIGHTS, 2, false, dnnl_plain(d.weight), desc.weights_desc()},
                                                                       {DNNL_ARG_DIFF_SRC, 0, true, dnnl_plain(d.data), desc.diff_src_desc()}});
}

std::unique_ptr<Kernel> weight_gradient(const Descriptors& d, const Forward::primitive_desc& hint, bool bias) {
  using Backward = dnnl::convolution_backward_weights;
  const auto desc = bias ? Backward::primitive_desc(dnnl_engine(), Algorithm::convolution_auto, dnnl_any(d.data), dnnl_any(d.weight), dnnl_plain(d.bias),
                                                    dnnl_any(d.out), d.stride, d.dilate, d.pad_low, d.pad_high, hint, dnnl_attributes())
                         : Backward::primitive_desc(dnnl_engine(), Algorithm::convolution_auto, dnnl_any(d.data), dnnl_any(d.weight), dnnl_any(d.out),
                                                    d.stride, d.dilate, d.pad_low, d.pad_high, hint, dnnl_attributes());
  std::vector<DnnlKernel::Binding> bindings{{DNNL_ARG_SRC, 1, false, dnnl_plain(d.data), desc.src_desc()},
                                            {DNNL_ARG_DIFF_DST, 0, false, dnnl_plain(d.out), desc.diff_dst_desc()},
                                            {DNNL_ARG_DIFF_WEIGHTS, 1, true, dnnl_plain(d.weight), desc.diff_weights_desc()}};
  if (bias) bindings.push_back({DNNL_ARG_DIFF_BIAS, 2, true, dnnl_plain(d.bias), desc.diff_bias_desc()});
  return std::make_unique<DnnlKernel>(Backward(desc), desc.scratchpad_desc(), std::move(bindings));
}

std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  if (!dnnl_takes(c)) return nullptr;
  const ConvParams& p = c.params<ConvParams>();
  // The bias gradient comes with the weight gradient: both or neither.
  const bool bias = !p.no_bias && c.wanted[2];
  if (bias && !c.wanted[1]) return nullptr;
  const Descriptors d(p, c.inputs[1].shape, c.inputs[2].shape, c.inputs[0].shape);
  try {
    const auto hint = forward_descriptor(d, false, true);
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
  registry.existing("Convolution").kernels.emplace_back(Provider::onednn, prepare);
  //[full
  registry.existing("_backward_Convolution").kernels.emplace_back(Provider::onednn, prepare_backward);
  //]
}

}  // namespace mixnet::op::convolution

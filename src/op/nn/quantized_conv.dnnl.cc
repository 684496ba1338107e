// Convolution of 8-bit numbers on oneDNN: with what follows it as one primitive; its exact sums where oneDNN's are exact.
#include "op/nn/quantized_conv.h"

#include "op/core/dnnl_int8.h"
#include "op/core/int8_layer.h"

namespace mixnet::op::quantized_conv {
namespace {

using Forward = dnnl::convolution_forward;
using Bindings = std::vector<DnnlKernel::Binding>;

struct Geometry {
  DnnlDims data, weight, out, stride, dilate, pad_low, pad_high;
  bool grouped;

  Geometry(const ConvParams& p, const Shape& x, const Shape& y)
      : data(x.begin(), x.end()), out(y.begin(), y.end()), grouped(p.num_group > 1) {
    const Window window = p.window();
    weight = {p.num_filter / p.num_group, x[1] / p.num_group};
    if (grouped) weight.insert(weight.begin(), p.num_group);
    for (int i = 0; i < window.dims; ++i) {
      weight.push_back(window.kernel[i]);
      stride.push_back(window.stride[i]);
      dilate.push_back(window.dilate[i] - 1);
      pad_low.push_back(window.pad[i]);
      pad_high.push_back((y[2 + i] - 1) * window.stride[i] + window.reach(i) - x[2 + i] - window.pad[i]);
    }
  }
  Forward::primitive_desc describe(DnnlType from, DnnlType to, bool biased, int64_t filters,
                                   const dnnl::primitive_attr& attributes) const {
    const auto bias = biased ? dnnl_plain({filters}) : dnnl::memory::desc();
    return {dnnl_engine(),
            dnnl::prop_kind::forward_inference,
            dnnl::algorithm::convolution_direct,
            dnnl_any(data, from),
            dnnl_any(weight, DnnlType::s8),
            bias,
            dnnl_any(out, to),
            stride,
            dilate,
            pad_low,
            pad_high,
            attributes};
  }
};

std::unique_ptr<Kernel> prepare_joined(const PrepareContext& c) {
  const JoinedParams& p = c.params<JoinedParams>();
  if (!dnnl_takes_int8(c) || is_channels_last(p.layout) || (p.out_type != DType::f32 && p.out_step <= 0))
    return nullptr;
  const Geometry g(p, c.inputs[0].shape, c.outputs[0].shape);
  const DnnlType from = dnnl_int8_type(c.inputs[0].dtype), to = dnnl_int8_type(p.out_type);
  const size_t summand = int8_summand(p);
  const bool summed = p.sum_step > 0;
  if (summed && p.out_type == DType::f32) return nullptr;  // of another size than the summand
  try {
    const auto attributes = dnnl_int8_attributes(p, g.grouped ? 3 : 1, summed ? c.inputs[summand].dtype : DType::i8);
    const auto desc = g.describe(from, to, !p.no_bias, p.num_filter, attributes);
    if (dnnl_reference(desc)) return nullptr;
    Bindings bindings{{DNNL_ARG_SRC, 0, false, dnnl_plain(g.data, from), desc.src_desc(), dnnl_given(c, 0)},
                      {DNNL_ARG_WEIGHTS, 1, false, dnnl_plain(g.weight, DnnlType::s8), desc.weights_desc()},
                      dnnl_int8_scales(p.num_filter),
                      {DNNL_ARG_DST, 0, true, dnnl_plain(g.out, to), desc.dst_desc()}};
    const auto bias = dnnl_plain({p.num_filter});
    if (!p.no_bias) bindings.push_back({DNNL_ARG_BIAS, 3, false, bias, bias});
    if (summed) {
      // The summand lies where the result will be, in its own type.
      const DnnlType type = dnnl_int8_type(c.inputs[summand].dtype);
      if (type != to && desc.dst_desc() != dnnl_channels_last(g.out, to)) return nullptr;
      bindings.push_back({DNNL_ARG_DST, static_cast<int>(summand), false, dnnl_plain(g.out, type),
                          type == to ? desc.dst_desc() : dnnl_channels_last(g.out, type), dnnl_given(c, summand),
                          true});
    }
    return std::make_unique<DnnlInt8Kernel>(Forward(desc), desc.scratchpad_desc(), std::move(bindings), p);
  } catch (const dnnl::error&) {
    return nullptr;  // not a case oneDNN knows
  }
}

class SumsKernel : public DnnlKernel {
 public:
  SumsKernel(const Forward::primitive_desc& desc, Bindings bindings, bool no_bias)
      : DnnlKernel(Forward(desc), desc.scratchpad_desc(), std::move(bindings)), no_bias_(no_bias) {}
  // The bias is added to row-major sums.
  LayoutPtr output_layout(int) const override { return nullptr; }
  void run(const RunContext& r) const override {
    DnnlKernel::run(r);
    const Int8Layer layer(no_bias_);
    const Int8Steps steps = layer.steps(r);
    layer.set_ranges(r);
    if (no_bias_) return;
    const Shape& shape = r.out[0].shape;
    const int64_t channels = shape[1], length = shape.size(2, shape.ndim());
    for (int64_t row = 0; row < shape[0] * channels; ++row) {
      const int32_t bias = steps.bias(row % channels);
      int32_t* out = r.out[0].as<int32_t>() + row * length;
      for (int64_t i = 0; i < length; ++i) out[i] = Int8Steps::add(out[i], bias);
    }
  }

 private:
  bool no_bias_;
};

std::unique_ptr<Kernel> prepare_sums(const PrepareContext& c) {
  const ConvParams& p = c.params<ConvParams>();
  if (!dnnl_takes_int8(c) || is_channels_last(p.layout)) return nullptr;
  if (!dnnl_sums_exactly(c.inputs[0].dtype, c.inputs[1].shape.size(1, c.inputs[1].ndim()))) return nullptr;
  const Geometry g(p, c.inputs[0].shape, c.outputs[0].shape);
  const DnnlType from = dnnl_int8_type(c.inputs[0].dtype);
  try {
    const auto desc = g.describe(from, DnnlType::s32, false, p.num_filter, dnnl_attributes());
    if (dnnl_reference(desc)) return nullptr;
    Bindings bindings{{DNNL_ARG_SRC, 0, false, dnnl_plain(g.data, from), desc.src_desc(), dnnl_given(c, 0)},
                      {DNNL_ARG_WEIGHTS, 1, false, dnnl_plain(g.weight, DnnlType::s8), desc.weights_desc()},
                      {DNNL_ARG_DST, 0, true, dnnl_plain(g.out, DnnlType::s32), desc.dst_desc()}};
    return std::make_unique<SumsKernel>(desc, std::move(bindings), p.no_bias);
  } catch (const dnnl::error&) {
    return nullptr;
  }
}

}  // namespace

void register_dnnl(Registry& registry) {
  registry.existing("_contrib_quantized_conv").kernels.emplace_back(Provider::onednn, prepare_sums);
  registry.existing("_int8_convolution").kernels.emplace_back(Provider::onednn, prepare_joined);
}

}  // namespace mixnet::op::quantized_conv

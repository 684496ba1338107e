// What Convolution and Deconvolution share on oneDNN: primitives that choose their own layouts, with reorders at the
// edges.
//
// Only included by *.dnnl.cc files.
#pragma once
#include "op/core/dnnl_tail.h"
#include "op/nn/convolution.h"
#include "op/nn/dnnl_winograd.h"

namespace mixnet::op {

struct DnnlConvShape {
  DnnlDims data, weight, bias, out, stride, dilate, pad_low, pad_high;
  dnnl::memory::desc plain_weight;  // our layout of the weights, in oneDNN's order of axes
  DnnlType type;
  bool channels_last = false;             // data and result, instead of what oneDNN likes best
  bool blocks = false;                    // channels in blocks of 16, instead
  bool given_last = false;                // our own data and result have their channels last
  std::optional<WinogradShape> winograd;  // where that is a way

  dnnl::memory::desc x() const { return tensor(data); }
  dnnl::memory::desc w() const { return dnnl_any(weight, type); }
  dnnl::memory::desc b() const { return dnnl_plain(bias, type); }
  dnnl::memory::desc y() const { return tensor(out); }
  dnnl::memory::desc plain_x() const { return plain(data); }
  dnnl::memory::desc plain_y() const { return plain(out); }

  // For data with channels last: weights are (a, kernel..., b), where they would be (a, b, kernel...); `axis` is that of b.
  void give_last(size_t axis, bool training) {
    DnnlDims strides = plain_weight.get_strides();
    const size_t spatial = kernel_axis();
    for (size_t i = spatial; i < strides.size(); ++i) strides[i] *= weight[axis];
    strides[axis] = 1;
    plain_weight = {weight, type, strides};
    // oneDNN 3's gradient of strided 1x1 weights in this layout is wrong on several threads.
    bool wrong = false;
    for (size_t i = 0; i < stride.size(); ++i) wrong = wrong || (training && weight[spatial + i] == 1 && stride[i] > 1);
    channels_last = !wrong;
    given_last = true;
    winograd.reset();
  }
  // Of the weights: the first axis of the window.
  size_t kernel_axis() const { return weight.size() - stride.size(); }

 private:
  dnnl::memory::desc plain(const DnnlDims& dims) const {
    return given_last ? dnnl_channels_last(dims, type) : dnnl_plain(dims, type);
  }
  dnnl::memory::desc tensor(const DnnlDims& dims) const {
    using Tag = dnnl::memory::format_tag;
    if (blocks && dims[1] % 16 == 0)
      return {dims, type, dims.size() == 3 ? Tag::aBc16b : dims.size() == 4 ? Tag::aBcd16b : Tag::aBcde16b};
    return channels_last ? dnnl_channels_last(dims, type) : dnnl_any(dims, type);
  }
};

// A kernel on tensors with channels last: layouts of tensors with channels first mean nothing to those beside it, but weights are packed.
class ChannelsLastEdges : public OnednnKernel {
 public:
  ChannelsLastEdges(std::unique_ptr<Kernel> kernel, int weight) : kernel_(std::move(kernel)), weight_(weight) {}
  size_t workspace() const override { return kernel_->workspace(); }
  void run(const RunContext& r) const override { kernel_->run(r); }
  bool reads_input(int i) const override { return kernel_->reads_input(i); }
  LayoutPtr input_layout(int i) const override { return i == weight_ ? kernel_->input_layout(i) : nullptr; }
  void adopt_input(int i) override {
    if (i == weight_) kernel_->adopt_input(i);
  }
  void pack_input(int i, const void* plain, void* packed) const override { kernel_->pack_input(i, plain, packed); }

 private:
  std::unique_ptr<Kernel> kernel_;
  int weight_;
};

// The primitives of one of the two. `Shape` is made of parameters and the views of data and output.
template <class Shape, class Forward, class BackwardData, class BackwardWeights, dnnl::algorithm Algorithm>
struct DnnlConv {
  using ForwardDesc = typename Forward::primitive_desc;
  using Bindings = std::vector<DnnlKernel::Binding>;

  // Channels last where the shape asks for that and oneDNN has a fast kernel for it.
  static ForwardDesc forward(Shape& s, bool bias, bool training, const dnnl::post_ops& tail = {}) {
    if (s.blocks) {
      const ForwardDesc desc = described(s, bias, training, tail, true);
      if (desc && !dnnl_reference(desc)) return desc;
      s.blocks = false;
    }
    if (s.channels_last) {
      const ForwardDesc desc = described(s, bias, training, tail, true);
      if (desc && !dnnl_reference(desc)) return desc;
      s.channels_last = false;
    }
    return described(s, bias, training, tail, false);
  }
  static ForwardDesc described(const Shape& s, bool bias, bool training, const dnnl::post_ops& tail, bool may_fail) {
    const auto kind = training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
    const auto none = dnnl::memory::desc();
    return {dnnl_engine(), kind,     Algorithm, s.x(),     s.w(),      bias ? s.b() : none,
            s.y(),         s.stride, s.dilate,  s.pad_low, s.pad_high, dnnl_attributes(tail),
            may_fail};
  }

  static DnnlKernel::Binding summand(int index, const Shape& s, const ForwardDesc& desc, const PrepareContext& c) {
    return {DNNL_ARG_DST, index, false, s.plain_y(), desc.dst_desc(), dnnl_given(c, static_cast<size_t>(index)), true};
  }

  // Inputs (x, w, b) and the tail's summand, output y. nullptr: not a case that oneDNN knows.
  static std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return in_layout(c, 1, prepare_first); }
  static std::unique_ptr<Kernel> in_layout(const PrepareContext& c, int weight, PrepareFn prepare_shapes) {
    if (!is_channels_last(c.params<ConvParams>().layout)) return prepare_shapes(c);
    auto kernel = prepare_shapes(ChannelsFirstContext(c).context);
    if (!kernel) return nullptr;
    return std::make_unique<ChannelsLastEdges>(std::move(kernel), weight);
  }
  static std::unique_ptr<Kernel> prepare_first(const PrepareContext& c) {
    if (!dnnl_takes(c)) return nullptr;
    const ConvParams& p = c.params<ConvParams>();
    Shape s(p, c.inputs[0], c.outputs[0], c.training);
    s.blocks = c.blocks && !c.training && !s.given_last && s.type == DnnlType::f32 && dnnl_has_wide_vectors();
    const DnnlTail tail = c.tail ? *make_dnnl_tail(*c.tail) : DnnlTail();
    try {
      const ForwardDesc desc = forward(s, !p.no_bias, c.training, tail.ops);
      if (dnnl_reference(desc)) return nullptr;
      if (auto kernel = winograd(s, desc, tail, c)) return kernel;
      Bindings bindings{{DNNL_ARG_SRC, 0, false, s.plain_x(), desc.src_desc(), dnnl_given(c, 0)},
                        {DNNL_ARG_WEIGHTS, 1, false, s.plain_weight, desc.weights_desc()},
                        {DNNL_ARG_DST, 0, true, s.plain_y(), desc.dst_desc()}};
      if (!p.no_bias) bindings.push_back({DNNL_ARG_BIAS, 2, false, s.b(), desc.bias_desc()});
      if (tail.summand > 0) bindings.push_back(summand((p.no_bias ? 1 : 2) + tail.summand, s, desc, c));
      return std::make_unique<DnnlKernel>(Forward(desc), desc.scratchpad_desc(), std::move(bindings));
    } catch (const dnnl::error&) {
      return nullptr;
    }
  }

  // The layout in which a tensor is offered where Winograd's kernel can read it, or the one that oneDNN would choose.
  static dnnl::memory::desc readable(const PrepareContext& c, size_t i, const dnnl::memory::desc& chosen) {
    const dnnl::memory::desc offered = dnnl_given(c, i);
    return offered.get_ndims() > 0 && winograd_tensor(offered) ? offered : chosen;
  }
  static bool winograd_takes(const std::optional<WinogradShape>& shape, const dnnl::memory::desc& x,
                             const dnnl::memory::desc& y, bool training) {
    return shape && winograd_tensor(x) && winograd_tensor(y) && shape->pays(training);
  }

  // As prepare(), in between the layouts that oneDNN would take; nullptr where it is no way or does not pay.
  static std::unique_ptr<Kernel> winograd(const Shape& s, const ForwardDesc& desc, const DnnlTail& tail,
                                          const PrepareContext& c) {
    const bool biased = !c.params<ConvParams>().no_bias;
    const auto finish = winograd_finish(tail);
    const dnnl::memory::desc x = readable(c, 0, desc.src_desc());
    if (!finish || !winograd_takes(s.winograd, x, desc.dst_desc(), c.training)) return nullptr;
    Bindings bindings{{DNNL_ARG_SRC, 0, false, s.plain_x(), x, dnnl_given(c, 0)},
                      WinogradKernel::weights(*s.winograd, 1, s.plain_weight, false),
                      {DNNL_ARG_DST, 0, true, s.plain_y(), desc.dst_desc()}};
    if (biased) bindings.push_back({DNNL_ARG_BIAS, 2, false, s.b(), s.b()});
    if (tail.summand > 0) bindings.push_back(summand((biased ? 2 : 1) + tail.summand, s, desc, c));
    return std::make_unique<WinogradKernel>(*s.winograd, DNNL_ARG_SRC, DNNL_ARG_DST, *finish, std::move(bindings));
  }

  //[full
  static std::unique_ptr<Kernel> winograd_data(const Shape& s, const ForwardDesc& hint, const PrepareContext& c) {
    if (!s.winograd) return nullptr;
    const WinogradShape& f = *s.winograd;
    const WinogradShape turned{f.images,  f.outputs,     f.inputs,       s.data[2],
                               s.data[3], 2 - f.pad_top, 2 - f.pad_left, f.storage};
    const dnnl::memory::desc dy = readable(c, 0, hint.dst_desc());
    if (!winograd_takes(turned, dy, hint.src_desc(), true)) return nullptr;
    Bindings bindings{{DNNL_ARG_DIFF_DST, 0, false, s.plain_y(), dy, dnnl_given(c, 0)},
                      WinogradKernel::weights(turned, 2, s.plain_weight, true),
                      {DNNL_ARG_DIFF_SRC, 0, true, s.plain_x(), hint.src_desc()}};
    return std::make_unique<WinogradKernel>(turned, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_SRC, w::Finish{nullptr, 0, {}},
                                            std::move(bindings));
  }
  static std::unique_ptr<Kernel> winograd_weights(const Shape& s, const ForwardDesc& hint, bool bias,
                                                  const PrepareContext& c) {
    const dnnl::memory::desc x = readable(c, 1, hint.src_desc()), dy = readable(c, 0, hint.dst_desc());
    if (!winograd_takes(s.winograd, x, dy, true)) return nullptr;
    Bindings bindings{{DNNL_ARG_SRC, 1, false, s.plain_x(), x, dnnl_given(c, 1)},
                      {DNNL_ARG_DIFF_DST, 0, false, s.plain_y(), dy, dnnl_given(c, 0)},
                      {DNNL_ARG_DIFF_WEIGHTS, 1, true, s.plain_weight, s.plain_weight}};
    if (bias) bindings.push_back({DNNL_ARG_DIFF_BIAS, 2, true, s.b(), s.b()});
    return std::make_unique<WinogradWeightsKernel>(*s.winograd, std::move(bindings));
  }

  // In the layouts of the forward kernel: those between layers agree, where a gradient's own choice would often cost reorders
  // around it that take longer than it gains.
  static typename BackwardData::primitive_desc data_desc(const Shape& s, const dnnl::memory::desc& x,
                                                         const dnnl::memory::desc& y, const ForwardDesc& hint) {
    return {dnnl_engine(), Algorithm,         x,   s.w(), y, s.stride, s.dilate, s.pad_low, s.pad_high,
            hint,          dnnl_attributes(), true};
  }
  static std::unique_ptr<Kernel> data_gradient(const Shape& s, const ForwardDesc& hint, const PrepareContext& c) {
    if (auto kernel = winograd_data(s, hint, c)) return kernel;
    typename BackwardData::primitive_desc desc = data_desc(s, hint.src_desc(), hint.dst_desc(), hint);
    if (!desc || dnnl_reference(desc)) desc = data_desc(s, s.x(), s.y(), hint);
    if (!desc || dnnl_reference(desc)) return nullptr;
    Bindings bindings{{DNNL_ARG_DIFF_DST, 0, false, s.plain_y(), desc.diff_dst_desc(), dnnl_given(c, 0)},
                      {DNNL_ARG_WEIGHTS, 2, false, s.plain_weight, desc.weights_desc()},
                      {DNNL_ARG_DIFF_SRC, 0, true, s.plain_x(), desc.diff_src_desc()}};
    return std::make_unique<DnnlKernel>(BackwardData(desc), desc.scratchpad_desc(), std::move(bindings));
  }

  static std::unique_ptr<Kernel> weight_gradient(const Shape& s, const ForwardDesc& hint, bool bias,
                                                 const PrepareContext& c) {
    if (auto kernel = winograd_weights(s, hint, bias, c)) return kernel;
    const auto none = dnnl::memory::desc();
    const typename BackwardWeights::primitive_desc desc(dnnl_engine(), Algorithm, s.x(), s.w(), bias ? s.b() : none,
                                                        s.y(), s.stride, s.dilate, s.pad_low, s.pad_high, hint,
                                                        dnnl_attributes());
    if (dnnl_reference(desc)) return nullptr;
    Bindings bindings{{DNNL_ARG_SRC, 1, false, s.plain_x(), desc.src_desc(), dnnl_given(c, 1)},
                      {DNNL_ARG_DIFF_DST, 0, false, s.plain_y(), desc.diff_dst_desc(), dnnl_given(c, 0)},
                      {DNNL_ARG_DIFF_WEIGHTS, 1, true, s.plain_weight, desc.diff_weights_desc()}};
    if (bias) bindings.push_back({DNNL_ARG_DIFF_BIAS, 2, true, s.b(), desc.diff_bias_desc()});
    return std::make_unique<DnnlKernel>(BackwardWeights(desc), desc.scratchpad_desc(), std::move(bindings));
  }

  // Inputs (dy, x, w), outputs (dx, dw, db). The bias gradient comes with the weight gradient: both or neither.
  static std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
    return in_layout(c, 2, prepare_backward_first);
  }
  static std::unique_ptr<Kernel> prepare_backward_first(const PrepareContext& c) {
    if (!dnnl_takes(c)) return nullptr;
    const ConvParams& p = c.params<ConvParams>();
    const bool bias = !p.no_bias && c.wanted[2];
    if (bias && !c.wanted[1]) return nullptr;
    Shape s(p, c.inputs[1], c.inputs[0], true);
    try {
      const ForwardDesc hint = forward(s, false, true);
      auto sequence = std::make_unique<SequenceKernel>();
      bool all = true;
      auto add = [&](std::unique_ptr<Kernel> kernel, std::vector<int> inputs, std::vector<int> outputs) {
        all = all && kernel;
        if (kernel) sequence->add(std::move(kernel), std::move(inputs), std::move(outputs));
      };
      if (c.wanted[0]) add(data_gradient(s, hint, c), {0, 2}, {0});
      if (c.wanted[1]) add(weight_gradient(s, hint, bias, c), {0, 1}, {1});
      return all ? std::move(sequence) : nullptr;
    } catch (const dnnl::error&) {
      return nullptr;
    }
  }
  //]

  static void add(Registry& registry, const std::string& name) {
    registry.existing(name).kernels.emplace_back(Provider::onednn, prepare);
    registry.existing(name).tail_kernels.push_back({Provider::onednn, dnnl_takes_tail, prepare});
    //[full
    registry.existing("_backward_" + name).kernels.emplace_back(Provider::onednn, prepare_backward);
    //]
  }
};

}  // namespace mixnet::op

// Pooling on oneDNN: maximum and average, forward and backward.
//
// The backward operator has no record of where each maximum stood; the forward primitive is run again to find out.
// A maximum passes over NaN, and of nothing but -inf it is the least finite number, as in MXNet 1.9.1. Our own kernel
// keeps both.
#include "op/nn/pooling.h"

#include "op/core/dnnl_int8.h"

namespace mixnet::op::pooling {
namespace {

using Algorithm = dnnl::algorithm;
using Forward = dnnl::pooling_forward;
using Backward = dnnl::pooling_backward;

bool is_bytes(const TensorView& v) { return v.dtype == DType::i8 || v.dtype == DType::u8; }

struct Descriptors {
  DnnlDims data, out, kernel, stride, dilate, pad_low, pad_high;
  DnnlType type;
  Algorithm algorithm = Algorithm::pooling_max;
  bool known = true;
  bool last = false;  // our own tensors have their channels last

  Descriptors(const PoolParams& p, const TensorView& in, const TensorView& result)
      : data(in.shape.begin(), in.shape.end()),
        out(result.shape.begin(), result.shape.end()),
        type(is_bytes(in) ? dnnl_int8_type(in.dtype) : dnnl_type(in.dtype)),
        last(is_channels_last(p.layout)) {
    const Window w = p.window(in.shape);
    const bool include = p.count_include_pad.value_or(true) && !p.global_pool;
    if (p.type == PoolType::avg)
      algorithm = include ? Algorithm::pooling_avg_include_padding : Algorithm::pooling_avg_exclude_padding;
    else known = p.type == PoolType::max;
    for (int i = 0; i < w.dims; ++i) {
      const int64_t extent = in.shape[2 + i], last = (result.shape[2 + i] - 1) * w.stride[i] - w.pad[i],
                    high = last + w.kernel[i] - extent;
      kernel.push_back(w.kernel[i]);
      stride.push_back(w.stride[i]);
      dilate.push_back(0);
      pad_low.push_back(w.pad[i]);
      pad_high.push_back(std::max<int64_t>(0, high));
      // Windows that lie in the padding alone, and averages over windows cut off at the padding's end, are ours only.
      known =
          known && last < extent && (algorithm != Algorithm::pooling_avg_include_padding || high <= p.far_pad(w, i));
    }
  }
  dnnl::memory::desc plain_data() const { return plain(data); }
  dnnl::memory::desc plain_out() const { return plain(out); }
  dnnl::memory::desc plain(const DnnlDims& dims) const {
    return last ? dnnl_channels_last(dims, type) : dnnl_plain(dims, type);
  }
  // Plain data give plain results; for data in another layout the primitive chooses.
  Forward::primitive_desc forward(dnnl::prop_kind kind, const dnnl::memory::desc& from) const {
    const auto to = from == plain_data() ? plain_out() : dnnl_any(out, type);
    return {dnnl_engine(), kind, algorithm, from, to, stride, kernel, dilate, pad_low, pad_high, dnnl_attributes()};
  }
};

bool takes(const PrepareContext& c, size_t data) {
  return dnnl_takes(c) && dnnl_pays(c.inputs[data].size(), dnnl_least_elements);
}

std::unique_ptr<Kernel> prepare_shapes(const PrepareContext& c) {
  if (!takes(c, 0)) return nullptr;
  const Descriptors d(c.params<PoolParams>(), c.inputs[0], c.outputs[0]);
  if (!d.known) return nullptr;
  try {
    const auto desc = d.forward(dnnl::prop_kind::forward_inference, dnnl_offered(c, 0, d.plain_data()));
    if (dnnl_reference(desc)) return nullptr;
    std::vector<DnnlKernel::Binding> bindings{{DNNL_ARG_SRC, 0, false, d.plain_data(), desc.src_desc()},
                                              {DNNL_ARG_DST, 0, true, d.plain_out(), desc.dst_desc()}};
    return std::make_unique<DnnlKernel>(Forward(desc), desc.scratchpad_desc(), std::move(bindings));
  } catch (const dnnl::error&) {
    return nullptr;  // not a case oneDNN knows
  }
}

//[full
// (dy, x, y) to dx, of which x and dx are in one layout; dy is in the one that goes with it, or is row-major and converted.
class MaxBackward : public OnednnKernel {
 public:
  MaxBackward(const Forward::primitive_desc& f, const Backward::primitive_desc& b, bool blocked,
              const dnnl::memory::desc& dy)
      : forward_(f), backward_(b), x_(f.src_desc()), dy_(b.diff_dst_desc()), given_dy_(dy), blocked_(blocked) {
    if (given_dy_ != dy_) {
      reorder_ = dnnl::reorder(dnnl::reorder::primitive_desc(dnnl_engine(), given_dy_, dnnl_engine(), dy_));
      converted_dy_ = space_.take(dy_);
    }
    y_ = space_.take(f.dst_desc());
    places_ = space_.take(f.workspace_desc());
    forward_scratch_ = space_.take(f.scratchpad_desc());
    backward_scratch_ = space_.take(b.scratchpad_desc());
    workspace_ = space_.bytes();
    if (blocked_) dx_ = space_.take(x_);
  }
  size_t workspace() const override { return converts() ? space_.bytes() : workspace_; }
  bool reads_input(int i) const override { return i < 2; }
  LayoutPtr input_layout(int i) const override {
    if (!blocked_ || (i == 0 && reorder_)) return nullptr;
    return std::make_shared<DnnlLayout>(i == 0 ? dy_ : x_);
  }
  LayoutPtr output_layout(int) const override { return blocked_ ? std::make_shared<DnnlLayout>(x_) : nullptr; }
  void adopt_output(int) override { adopted_ = true; }

  void run(const RunContext& r) const override {
    void* space = r.context.workspace;
    const dnnl::memory places = places_.at(space);
    forward_.execute(dnnl_stream(), {{DNNL_ARG_SRC, dnnl::memory(x_, dnnl_engine(), r.in[1].data)},
                                     {DNNL_ARG_DST, y_.at(space)},
                                     {DNNL_ARG_WORKSPACE, places},
                                     {DNNL_ARG_SCRATCHPAD, forward_scratch_.at(space)}});
    dnnl::memory dy(given_dy_, dnnl_engine(), r.in[0].data);
    if (reorder_) {
      dnnl::memory converted = converted_dy_.at(space);
      reorder_.execute(dnnl_stream(), dy, converted);
      dy = converted;
    }
    const dnnl::memory dx = converts() ? dx_.at(space) : dnnl::memory(x_, dnnl_engine(), r.out[0].data);
    backward_.execute(dnnl_stream(), {{DNNL_ARG_DIFF_DST, dy},
                                      {DNNL_ARG_DIFF_SRC, dx},
                                      {DNNL_ARG_WORKSPACE, places},
                                      {DNNL_ARG_SCRATCHPAD, backward_scratch_.at(space)}});
    if (converts()) dnnl_to_plain(dx, r.out[0].data);
    dnnl_stream().wait();
  }

 private:
  bool converts() const { return blocked_ && !adopted_; }

  Forward forward_;
  Backward backward_;
  dnnl::reorder reorder_;  // none where dy is as the primitive likes it
  dnnl::memory::desc x_, dy_, given_dy_;
  bool blocked_, adopted_ = false;
  DnnlSpace space_;
  size_t workspace_ = 0;  // without dx
  DnnlSpace::Place y_, dx_, places_, converted_dy_, forward_scratch_, backward_scratch_;
};

std::unique_ptr<Kernel> prepare_backward_shapes(const PrepareContext& c) {
  if (!takes(c, 1)) return nullptr;
  const Descriptors d(c.params<PoolParams>(), c.inputs[1], c.inputs[0]);
  if (!d.known) return nullptr;
  try {
    const dnnl::memory::desc x = dnnl_offered(c, 1, d.plain_data()), dy = dnnl_offered(c, 0, d.plain_out());
    const auto hint = d.forward(dnnl::prop_kind::forward_training, x);
    const bool blocked = x != d.plain_data();
    if (hint.dst_desc() != dy && dy != d.plain_out()) return nullptr;
    const Backward::primitive_desc desc(dnnl_engine(), d.algorithm, hint.src_desc(), hint.dst_desc(), d.stride,
                                        d.kernel, d.dilate, d.pad_low, d.pad_high, hint, dnnl_attributes());
    if (dnnl_reference(desc) || dnnl_reference(hint)) return nullptr;
    if (d.algorithm == Algorithm::pooling_max) return std::make_unique<MaxBackward>(hint, desc, blocked, dy);
    std::vector<DnnlKernel::Binding> bindings{{DNNL_ARG_DIFF_DST, 0, false, d.plain_out(), desc.diff_dst_desc()},
                                              {DNNL_ARG_DIFF_SRC, 0, true, d.plain_data(), desc.diff_src_desc()}};
    return std::make_unique<DnnlKernel>(Backward(desc), desc.scratchpad_desc(), std::move(bindings));
  } catch (const dnnl::error&) {
    return nullptr;
  }
}
//]

// Of 8-bit data, which have a range beside them.
class BytesKernel : public DnnlKernel {
 public:
  using DnnlKernel::DnnlKernel;
  void run(const RunContext& r) const override {
    DnnlKernel::run(r);
    quantized::copy_range(r, 1, 2);
  }
};
std::unique_ptr<Kernel> prepare_bytes(const PrepareContext& c) {
  const PoolParams& p = c.params<PoolParams>();
  if (!dnnl_takes_int8(c) || !dnnl_pays(c.inputs[0].size(), dnnl_least_elements) || is_channels_last(p.layout))
    return nullptr;
  const Descriptors d(p, c.inputs[0], c.outputs[0]);
  if (!d.known) return nullptr;
  try {
    const auto desc =
        d.forward(dnnl::prop_kind::forward_inference, dnnl_offered(c, 0, dnnl_channels_last(d.data, d.type)));
    if (dnnl_reference(desc)) return nullptr;
    std::vector<DnnlKernel::Binding> bindings{{DNNL_ARG_SRC, 0, false, d.plain_data(), desc.src_desc()},
                                              {DNNL_ARG_DST, 0, true, d.plain_out(), desc.dst_desc()}};
    return std::make_unique<BytesKernel>(Forward(desc), desc.scratchpad_desc(), std::move(bindings));
  } catch (const dnnl::error&) {
    return nullptr;
  }
}

// Descriptors have channels first, whatever the order in memory.
template <PrepareFn prepare_for_shapes>
std::unique_ptr<Kernel> prepare_in_order(const PrepareContext& c) {
  if (!is_channels_last(c.params<PoolParams>().layout)) return prepare_for_shapes(c);
  return prepare_for_shapes(ChannelsFirstContext(c).context);
}

}  // namespace

void register_dnnl(Registry& registry) {
  registry.existing("_contrib_quantized_pooling").kernels.emplace_back(Provider::onednn, prepare_bytes);
  registry.existing("Pooling").kernels.emplace_back(Provider::onednn, prepare_in_order<prepare_shapes>);
  //[full
  registry.existing("_backward_Pooling")
      .kernels.emplace_back(Provider::onednn, prepare_in_order<prepare_backward_shapes>);
  //]
}

}  // namespace mixnet::op::pooling

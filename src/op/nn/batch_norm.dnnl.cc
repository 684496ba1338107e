// BatchNorm on oneDNN: training, prediction and backward, where the channels are the last axis or the data are 16-bit.
// On float32 with channels before the other axes our own kernel takes half of oneDNN's time, but where a convolution gives its
// result in blocks of channels, that layout is kept. Statistics move here, as in the portable kernel.
#include "op/nn/batch_norm.h"

#include <cmath>

#include "op/core/dnnl_kernel.h"

namespace mixnet::op::batch_norm {
namespace {

using Forward = dnnl::batch_normalization_forward;
using Backward = dnnl::batch_normalization_backward;
using Flags = dnnl::normalization_flags;

struct Descriptors {
  dnnl::memory::desc data, channel;
  Flags flags;
  bool blocked = false;
  // x is input `x_index`, in the layout in which it is offered.
  Descriptors(const Params& p, const PrepareContext& c, size_t x_index, bool fixed)
      : flags(p.fix_gamma ? Flags::use_shift : Flags::use_scale | Flags::use_shift) {
    const TensorView& x = c.inputs[x_index];
    const Sizes s(x.shape, p);
    const auto plain = dnnl_plain(
        s.inner == 1 ? DnnlDims{s.outer, s.channels} : DnnlDims{s.outer, s.channels, 1, s.inner}, dnnl_type(x.dtype));
    data = dnnl_offered(c, x_index, plain);
    blocked = data != plain;
    channel = dnnl_plain({s.channels});
    if (fixed) flags = flags | Flags::use_global_stats;
  }
  Forward::primitive_desc forward(const Params& p, bool training) const {
    return {dnnl_engine(),
            training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference,
            data,
            data,
            static_cast<float>(p.eps),
            flags,
            dnnl_attributes()};
  }
};

// Inputs data, gamma, beta, moving mean, moving variance; outputs y, mean, 1 / sqrt(variance + eps).
class ForwardKernel : public OnednnKernel {
 public:
  ForwardKernel(const Params& p, const Descriptors& d, const Forward::primitive_desc& desc, bool batch)
      : params_(p),
        batch_(batch),
        channels_(d.channel.get_dims()[0]),
        blocked_(d.blocked),
        data_(d.data),
        channel_(d.channel),
        primitive_(desc) {
    scratch_ = space_.take(desc.scratchpad_desc());
    mean_ = space_.take(d.channel);
    variance_ = space_.take(d.channel);
    workspace_ = space_.bytes();
    if (blocked_) y_ = space_.take(d.data);
  }
  size_t workspace() const override { return converts() ? space_.bytes() : workspace_; }
  LayoutPtr input_layout(int i) const override { return layout(i == 0); }
  LayoutPtr output_layout(int i) const override { return layout(i == 0); }
  void adopt_output(int i) override { adopted_ = adopted_ || i == 0; }

  void run(const RunContext& r) const override {
    void* space = r.context.workspace;
    const auto& engine = dnnl_engine();
    const dnnl::memory mean = batch_ ? mean_.at(space) : dnnl::memory(channel_, engine, r.in[3].data);
    const dnnl::memory variance = batch_ ? variance_.at(space) : dnnl::memory(channel_, engine, r.in[4].data);
    const dnnl::memory y = converts() ? y_.at(space) : dnnl::memory(data_, engine, r.out[0].data);
    std::unordered_map<int, dnnl::memory> arguments{{DNNL_ARG_SRC, dnnl::memory(data_, engine, r.in[0].data)},
                                                    {DNNL_ARG_DST, y},
                                                    {DNNL_ARG_SHIFT, dnnl::memory(channel_, engine, r.in[2].data)},
                                                    {DNNL_ARG_MEAN, mean},
                                                    {DNNL_ARG_VARIANCE, variance},
                                                    {DNNL_ARG_SCRATCHPAD, scratch_.at(space)}};
    if (!params_.fix_gamma) arguments.emplace(DNNL_ARG_SCALE, dnnl::memory(channel_, engine, r.in[1].data));
    primitive_.execute(dnnl_stream(), arguments);
    if (converts()) dnnl_to_plain(y, r.out[0].data);
    dnnl_stream().wait();
    const float *m = static_cast<const float*>(mean.get_data_handle()),
                *v = static_cast<const float*>(variance.get_data_handle());
    for (int64_t c = 0; c < channels_; ++c) {
      if (r.out[1].data) r.out[1].as<float>()[c] = m[c];
      if (r.out[2].data)
        r.out[2].as<float>()[c] = static_cast<float>(1 / std::sqrt(static_cast<double>(v[c]) + params_.eps));
    }
  }

 private:
  LayoutPtr layout(bool data) const { return blocked_ && data ? std::make_shared<DnnlLayout>(data_) : nullptr; }
  bool converts() const { return blocked_ && !adopted_; }

  const Params params_;
  bool batch_;
  int64_t channels_;
  bool blocked_, adopted_ = false;
  dnnl::memory::desc data_, channel_;
  Forward primitive_;
  DnnlSpace space_;
  size_t workspace_ = 0;  // without y
  DnnlSpace::Place scratch_, mean_, variance_, y_;
};

bool takes(const PrepareContext& c, size_t data) {
  const TensorView& x = c.inputs[data];
  if (!dnnl_takes(c) || !dnnl_pays(x.size(), dnnl_least_elements)) return false;
  if (dnnl_is_offered(c, data)) return c.params<Params>().axis == 1;
  return x.dtype == DType::bf16 || Sizes(x.shape, c.params<Params>()).inner == 1;
}

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  if (!takes(c, 0)) return nullptr;
  const Params& p = c.params<Params>();
  const bool batch = c.training && !p.use_global_stats;
  const Descriptors d(p, c, 0, !batch);
  try {
    const auto desc = d.forward(p, batch);
    if (dnnl_reference(desc)) return nullptr;
    return std::make_unique<ForwardKernel>(p, d, desc, batch);
  } catch (const dnnl::error&) {
    return nullptr;  // not a case oneDNN knows
  }
}

//[full
// (dy, x, gamma, mean, inverse, moving mean, moving variance) to (dx, dgamma, dbeta); moves the last two inputs.
class BackwardKernel : public OnednnKernel {
 public:
  BackwardKernel(const Params& p, const Descriptors& d, const Backward::primitive_desc& desc, bool fixed)
      : params_(p),
        fixed_(fixed),
        channels_(d.channel.get_dims()[0]),
        blocked_(d.blocked),
        data_(d.data),
        channel_(d.channel),
        primitive_(desc) {
    scratch_ = space_.take(desc.scratchpad_desc());
    variance_ = space_.take(d.channel);
    dx_ = space_.take(d.data);
    dgamma_ = space_.take(d.channel);
    dbeta_ = space_.take(d.channel);
  }
  size_t workspace() const override { return space_.bytes(); }
  LayoutPtr input_layout(int i) const override { return layout(i < 2); }
  LayoutPtr output_layout(int i) const override { return layout(i == 0); }
  void adopt_output(int i) override { adopted_ = adopted_ || i == 0; }

  void run(const RunContext& r) const override {
    void* space = r.context.workspace;
    const auto& engine = dnnl_engine();
    const dnnl::memory variance = variance_.at(space);
    float* v = static_cast<float*>(variance.get_data_handle());
    for (int64_t c = 0; c < channels_; ++c) v[c] = static_cast<float>(variance_of(r.in[4].as<float>()[c]));
    auto output = [&](size_t i, const DnnlSpace::Place& spare) {
      return r.out[i].data ? dnnl::memory(spare.desc, engine, r.out[i].data) : spare.at(space);
    };
    const bool converts = blocked_ && !adopted_ && r.out[0].data;
    const dnnl::memory dx = converts ? dx_.at(space) : output(0, dx_);
    std::unordered_map<int, dnnl::memory> arguments{{DNNL_ARG_DIFF_DST, dnnl::memory(data_, engine, r.in[0].data)},
                                                    {DNNL_ARG_SRC, dnnl::memory(data_, engine, r.in[1].data)},
                                                    {DNNL_ARG_MEAN, dnnl::memory(channel_, engine, r.in[3].data)},
                                                    {DNNL_ARG_VARIANCE, variance},
                                                    {DNNL_ARG_DIFF_SRC, dx},
                                                    {DNNL_ARG_DIFF_SHIFT, output(2, dbeta_)},
                                                    {DNNL_ARG_SCRATCHPAD, scratch_.at(space)}};
    if (!params_.fix_gamma) {
      arguments.emplace(DNNL_ARG_SCALE, dnnl::memory(channel_, engine, r.in[2].data));
      arguments.emplace(DNNL_ARG_DIFF_SCALE, output(1, dgamma_));
    } else if (r.out[1].data) {
      std::fill_n(r.out[1].as<float>(), channels_, 0.0f);
    }
    primitive_.execute(dnnl_stream(), arguments);
    if (converts) dnnl_to_plain(dx, r.out[0].data);
    dnnl_stream().wait();
    if (!fixed_) move_statistics(r);
  }

 private:
  LayoutPtr layout(bool data) const { return blocked_ && data ? std::make_shared<DnnlLayout>(data_) : nullptr; }
  double variance_of(float inverse) const {
    return std::max(0.0, 1 / (static_cast<double>(inverse) * static_cast<double>(inverse)) - params_.eps);
  }
  void move_statistics(const RunContext& r) const {
    const double keep = params_.momentum;
    for (int64_t c = 0; c < channels_; ++c) {
      float &mean = r.in[5].as<float>()[c], &variance = r.in[6].as<float>()[c];
      mean = static_cast<float>(mean * keep + r.in[3].as<float>()[c] * (1 - keep));
      variance = static_cast<float>(variance * keep + variance_of(r.in[4].as<float>()[c]) * (1 - keep));
    }
  }

  const Params params_;
  bool fixed_;  // the statistics do not depend on the data
  int64_t channels_;
  bool blocked_, adopted_ = false;
  dnnl::memory::desc data_, channel_;
  Backward primitive_;
  DnnlSpace space_;
  DnnlSpace::Place scratch_, variance_, dx_, dgamma_, dbeta_;
};

std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  if (!takes(c, 1)) return nullptr;
  const Params& p = c.params<Params>();
  const bool fixed = p.use_global_stats || !c.training;
  const Descriptors d(p, c, 1, fixed);
  // x and its gradients in one layout, or all row-major.
  if (dnnl_is_offered(c, 0) != dnnl_is_offered(c, 1) || dnnl_offered(c, 0, d.data) != d.data) return nullptr;
  try {
    const Backward::primitive_desc desc(dnnl_engine(), dnnl::prop_kind::backward, d.data, d.data, d.data,
                                        static_cast<float>(p.eps), d.flags, d.forward(p, true), dnnl_attributes());
    if (dnnl_reference(desc)) return nullptr;
    return std::make_unique<BackwardKernel>(p, d, desc, fixed);
  } catch (const dnnl::error&) {
    return nullptr;
  }
}
//]

}  // namespace

void register_dnnl(Registry& registry) {
  registry.existing("BatchNorm").kernels.emplace_back(Provider::onednn, prepare);
  //[full
  registry.existing("_backward_BatchNorm").kernels.emplace_back(Provider::onednn, prepare_backward);
  //]
}

}  // namespace mixnet::op::batch_norm

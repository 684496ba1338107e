// LRN on oneDNN. Its record of the forward pass is not ours: the norm, which is an output, is computed here, and
// backward runs the forward primitive again.
#include "op/nn/lrn.h"

#include "base/thread_pool.h"
#include "op/core/dnnl_kernel.h"

namespace mixnet::op::lrn {
namespace {

using Forward = dnnl::lrn_forward;
using Backward = dnnl::lrn_backward;
constexpr auto across = dnnl::algorithm::lrn_across_channels;

dnnl::memory::desc describe(const TensorView& v) {
  const Sizes s(v.shape);
  return dnnl_plain({s.n, s.channels, 1, s.inner}, dnnl_type(v.dtype));
}
Forward::primitive_desc forward_descriptor(const Params& p, const dnnl::memory::desc& data, bool training) {
  const auto kind = training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  return {dnnl_engine(),
          kind,
          across,
          data,
          data,
          p.nsize,
          static_cast<float>(p.alpha),
          static_cast<float>(p.beta),
          static_cast<float>(p.knorm),
          dnnl_attributes()};
}

class ForwardKernel : public DnnlKernel {
 public:
  ForwardKernel(const Params& p, bool norm, const Forward::primitive_desc& desc)
      : DnnlKernel(Forward(desc), desc.scratchpad_desc(),
                   {{DNNL_ARG_SRC, 0, false, desc.src_desc(), desc.src_desc()},
                    {DNNL_ARG_DST, 0, true, desc.dst_desc(), desc.dst_desc()}}),
        params_(p),
        norm_(norm) {}
  void run(const RunContext& r) const override {
    DnnlKernel::run(r);
    if (norm_) fill_norm(r);
  }

 private:
  // knorm + alpha / nsize * sum of squares.
  void fill_norm(const RunContext& r) const {
    const Sizes s(r.in[0].shape);
    const float scale = static_cast<float>(params_.alpha / static_cast<double>(params_.nsize)),
                start = static_cast<float>(params_.knorm);
    parallel_for(s.n * s.channels, std::max<int64_t>(1, 4096 / s.inner), [&](int64_t first, int64_t last) {
      for (int64_t k = first; k < last; ++k) {
        const int64_t c = k % s.channels, half = params_.nsize / 2, from = std::max<int64_t>(0, c - half),
                      to = std::min(s.channels, c + half + 1);
        float* norm = r.out[1].as<float>() + k * s.inner;
        std::fill_n(norm, s.inner, start);
        for (int64_t o = from; o < to; ++o) {
          const float* x = r.in[0].as<float>() + (k - c + o) * s.inner;
          for (int64_t i = 0; i < s.inner; ++i) norm[i] += scale * x[i] * x[i];
        }
      }
    });
  }

  const Params params_;
  bool norm_;
};

bool takes(const PrepareContext& c) { return dnnl_takes(c) && dnnl_pays(c.inputs[0].size(), dnnl_least_elements); }

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  if (!takes(c) || c.inputs[0].dtype != DType::f32) return nullptr;
  const Params& p = c.params<Params>();
  try {
    const auto desc = forward_descriptor(p, describe(c.inputs[0]), false);
    if (dnnl_reference(desc)) return nullptr;
    return std::make_unique<ForwardKernel>(p, c.wanted[1], desc);
  } catch (const dnnl::error&) {
    return nullptr;  // not a case oneDNN knows
  }
}

//[full
// (dy, x, norm) to dx. Fast in blocks of 16 channels only.
class BackwardKernel : public OnednnKernel {
 public:
  BackwardKernel(const dnnl::memory::desc& plain, const Forward::primitive_desc& f, const Backward::primitive_desc& b)
      : forward_(f),
        backward_(b),
        plain_(plain),
        pack_(reorder(plain, f.src_desc())),
        unpack_(reorder(f.src_desc(), plain)) {
    for (DnnlSpace::Place* place : {&x_, &y_, &dy_}) *place = space_.take(f.src_desc());
    record_ = space_.take(f.workspace_desc());
    forward_scratch_ = space_.take(f.scratchpad_desc());
    backward_scratch_ = space_.take(b.scratchpad_desc());
  }
  size_t workspace() const override { return space_.bytes(); }

  void run(const RunContext& r) const override {
    void* space = r.context.workspace;
    dnnl::memory x = x_.at(space), y = y_.at(space), dy = dy_.at(space), record = record_.at(space);
    dnnl::memory plain_dy(plain_, dnnl_engine(), r.in[0].data), plain_x(plain_, dnnl_engine(), r.in[1].data),
        plain_dx(plain_, dnnl_engine(), r.out[0].data);
    dnnl::stream& stream = dnnl_stream();
    pack_.execute(stream, plain_x, x);
    pack_.execute(stream, plain_dy, dy);
    forward_.execute(stream, {{DNNL_ARG_SRC, x},
                              {DNNL_ARG_DST, y},
                              {DNNL_ARG_WORKSPACE, record},
                              {DNNL_ARG_SCRATCHPAD, forward_scratch_.at(space)}});
    // The forward's output is not needed: its memory takes the gradient.
    backward_.execute(stream, {{DNNL_ARG_SRC, x},
                               {DNNL_ARG_DIFF_DST, dy},
                               {DNNL_ARG_DIFF_SRC, y},
                               {DNNL_ARG_WORKSPACE, record},
                               {DNNL_ARG_SCRATCHPAD, backward_scratch_.at(space)}});
    unpack_.execute(stream, y, plain_dx);
    stream.wait();
  }

 private:
  static dnnl::reorder reorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to) {
    return dnnl::reorder(dnnl::reorder::primitive_desc(dnnl_engine(), from, dnnl_engine(), to));
  }

  Forward forward_;
  Backward backward_;
  dnnl::memory::desc plain_;
  dnnl::reorder pack_, unpack_;
  DnnlSpace space_;
  DnnlSpace::Place x_, y_, dy_, record_, forward_scratch_, backward_scratch_;
};

std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  if (!takes(c)) return nullptr;
  const Params& p = c.params<Params>();
  const dnnl::memory::desc plain = describe(c.inputs[1]);
  if (plain.get_dims()[1] % 16 != 0) return nullptr;
  try {
    const dnnl::memory::desc blocked(plain.get_dims(), plain.get_data_type(), dnnl::memory::format_tag::nChw16c);
    const auto hint = forward_descriptor(p, blocked, true);
    if (dnnl_reference(hint) || hint.workspace_desc().get_size() == 0) return nullptr;
    const Backward::primitive_desc desc(dnnl_engine(), across, blocked, blocked, blocked, p.nsize,
                                        static_cast<float>(p.alpha), static_cast<float>(p.beta),
                                        static_cast<float>(p.knorm), hint, dnnl_attributes());
    if (dnnl_reference(desc)) return nullptr;
    return std::make_unique<BackwardKernel>(plain, hint, desc);
  } catch (const dnnl::error&) {
    return nullptr;
  }
}
//]

}  // namespace

void register_dnnl(Registry& registry) {
  registry.existing("LRN").kernels.emplace_back(Provider::onednn, prepare);
  //[full
  registry.existing("_backward_LRN").kernels.emplace_back(Provider::onednn, prepare_backward);
  //]
}

}  // namespace mixnet::op::lrn

// LRN on oneDNN. Its record of the forward pass is not ours: the norm, which is an output, is computed here, and backward runs the forward
// primitive again.
#include "op/nn/lrn.h"

#include "base/thread_pool.h"
#include "op/core/dnnl_kernel.h"

namespace mixnet::op::lrn {
namespace {

using Forward = dnnl::lrn_forward;
using Backward = dnnl::lrn_backward;
constexpr auto across = dnnl::algorithm::lrn_across_channels;

dnnl::memory::desc plain(const TensorView& v) {
  const Sizes s(v.shape);
  return dnnl_plain({s.n, s.channels, 1, s.inner}, dnnl_type(v.dtype));
}
Forward::primitive_desc forward_descriptor(const Params& p, const dnnl::memory::desc& data, bool training) {
  const auto kind = training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  return {dnnl_engine(), kind, across, data, data, p.nsize, static_cast<float>(p.alpha), static_cast<float>(p.beta), static_cast<float>(p.knorm), dnnl_attributes()};
}

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  if (!dnnl_takes(c)) return nullptr;
  try {
    const auto data = plain(c.inputs[0]);
    const auto desc = forward_descriptor(c.params<Params>(), data, false);
    std::vector<DnnlKernel::Binding> bindings{{DNNL_ARG_SRC, 0, false, data, data}, {DNNL_ARG_DST, 0, true, data, data}};
    return std::make_unique<DnnlKernel>(Forward(desc), desc.scratchpad_desc(), std::move(bindings));
  } catch (const dnnl::error&) {
    return nullptr;  // not a case oneDNN knows
  }
}

//[full
// (dy, x, norm) to dx.
class BackwardKernel : public Kernel {
 public:
  BackwardKernel(const Forward::primitive_desc& f, const Backward::primitive_desc& b) : forward_(f), backward_(b), data_(f.src_desc()) {
    y_ = space_.take(f.dst_desc());
    if (f.workspace_desc().get_size() > 0) record_ = space_.take(f.workspace_desc());
    forward_scratch_ = space_.take(f.scratchpad_desc());
    backward_scratch_ = space_.take(b.scratchpad_desc());
  }
  size_t workspace() const override { return space_.bytes(); }

  void run(const RunContext& r) const override {
    void* space = r.context.workspace;
    const dnnl::memory x(data_, dnnl_engine(), r.in[1].data);
    std::unordered_map<int, dnnl::memory> backward{{DNNL_ARG_DIFF_DST, dnnl::memory(data_, dnnl_engine(), r.in[0].data)},
                                                   {DNNL_ARG_SRC, x},
                                                   {DNNL_ARG_DIFF_SRC, dnnl::memory(data_, dnnl_engine(), r.out[0].data)},
                                                   {DNNL_ARG_SCRATCHPAD, backward_scratch_.at(space)}};
    if (record_.desc.get_size() > 0) {
      forward_.execute(dnnl_stream(), {{DNNL_ARG_SRC, x},
                                       {DNNL_ARG_DST, y_.at(space)},
                                       {DNNL_ARG_WORKSPACE, record_.at(space)},
                                       {DNNL_ARG_SCRATCHPAD, forward_scratch_.at(space)}});
      backward.emplace(DNNL_ARG_WORKSPACE, record_.at(space));
    }
    backward_.execute(dnnl_stream(), backward);
    dnnl_stream().wait();
  }

 private:
  Forward forward_;
  Backward backward_;
  dnnl::memory::desc data_;
  DnnlSpace space_;
  DnnlSpace::Place y_, record_, forward_scratch_, backward_scratch_;
};

std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  if (!dnnl_takes(c)) return nullptr;
  const Params& p = c.params<Params>();
  try {
    const auto data = plain(c.inputs[1]);
    const auto hint = forward_descriptor(p, data, true);
    const Backward::primitive_desc desc(dnnl_engine(), across, data, data, data, p.nsize, static_cast<float>(p.alpha), static_cast<float>(p.beta),
                                        static_cast<float>(p.knorm), hint, dnnl_attributes());
    return std::make_unique<BackwardKernel>(hint, desc);
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

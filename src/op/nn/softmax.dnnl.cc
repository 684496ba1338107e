// softmax, log_softmax and SoftmaxActivation on oneDNN, forward and backward, along the last axis and without
// temperature.
#include "op/nn/softmax.h"

#include "op/core/dnnl_kernel.h"

namespace mixnet::op::softmax {
namespace {

using Forward = dnnl::softmax_forward;
using Backward = dnnl::softmax_backward;

enum class Form { softmax, log, activation };

dnnl::algorithm algorithm(Form form) {
  return form == Form::log ? dnnl::algorithm::softmax_log : dnnl::algorithm::softmax_accurate;
}

Sizes sizes(Form form, const PrepareContext& c) {
  const Params& p = c.params<Params>();
  return form == Form::activation ? activation_sizes(p, c.inputs[0].shape) : Sizes(c.inputs[0].shape, p.axis);
}
bool takes(Form form, const PrepareContext& c) {
  return dnnl_takes(c) && dnnl_pays(c.inputs[0].size(), dnnl_least_elements) &&
         c.params<Params>().temperature.value_or(1) == 1 && sizes(form, c).inner == 1;
}
dnnl::memory::desc lines(Form form, const PrepareContext& c) {
  const Sizes s = sizes(form, c);
  return dnnl_plain({s.outer, s.n}, dnnl_type(c.inputs[0].dtype));
}

template <Form F>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  if (!takes(F, c)) return nullptr;
  const auto plain = lines(F, c);
  try {
    const Forward::primitive_desc desc(dnnl_engine(), dnnl::prop_kind::forward_inference, algorithm(F), plain, plain, 1,
                                       dnnl_attributes());
    if (dnnl_reference(desc)) return nullptr;
    std::vector<DnnlKernel::Binding> bindings{{DNNL_ARG_SRC, 0, false, plain, plain},
                                              {DNNL_ARG_DST, 0, true, plain, plain}};
    return std::make_unique<DnnlKernel>(Forward(desc), desc.scratchpad_desc(), std::move(bindings));
  } catch (const dnnl::error&) {
    return nullptr;  // not a case oneDNN knows
  }
}

//[full
// (dy, y) to dx.
template <Form F>
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  if (!takes(F, c)) return nullptr;
  const auto plain = lines(F, c);
  try {
    const Forward::primitive_desc hint(dnnl_engine(), dnnl::prop_kind::forward_training, algorithm(F), plain, plain, 1,
                                       dnnl_attributes());
    const Backward::primitive_desc desc(dnnl_engine(), algorithm(F), plain, plain, plain, 1, hint, dnnl_attributes());
    if (dnnl_reference(desc)) return nullptr;
    std::vector<DnnlKernel::Binding> bindings{{DNNL_ARG_DIFF_DST, 0, false, plain, plain},
                                              {DNNL_ARG_DST, 1, false, plain, plain},
                                              {DNNL_ARG_DIFF_SRC, 0, true, plain, plain}};
    return std::make_unique<DnnlKernel>(Backward(desc), desc.scratchpad_desc(), std::move(bindings));
  } catch (const dnnl::error&) {
    return nullptr;
  }
}
//]

template <Form F>
void add(Registry& registry, const std::string& name) {
  registry.existing(name).kernels.emplace_back(Provider::onednn, prepare<F>);
  //[full
  registry.existing("_backward_" + name).kernels.emplace_back(Provider::onednn, prepare_backward<F>);
  //]
}

}  // namespace

void register_dnnl(Registry& registry) {
  add<Form::softmax>(registry, "softmax");
  add<Form::log>(registry, "log_softmax");
  add<Form::activation>(registry, "SoftmaxActivation");
}

}  // namespace mixnet::op::softmax

// A full layer on 8-bit numbers and what follows it, as oneDNN's matrix product. The weights are kept packed.
#include "op/nn/quantized_fully_connected.h"

#include "op/core/dnnl_int8.h"

namespace mixnet::op::quantized_fully_connected {
namespace {

std::unique_ptr<Kernel> prepare_joined(const PrepareContext& c) {
  const JoinedParams& p = c.params<JoinedParams>();
  if (!dnnl_takes_int8(c) || p.sum_step > 0 || (p.out_type != DType::f32 && p.out_step <= 0)) return nullptr;
  const Matrix m(c.inputs[0].shape, p);
  const DnnlType from = dnnl_int8_type(c.inputs[0].dtype), to = dnnl_int8_type(p.out_type);
  const auto x = dnnl_plain({m.rows, m.depth}, from), y = dnnl_plain({m.rows, p.num_hidden}, to),
             bias = dnnl_plain({1, p.num_hidden});
  const dnnl::memory::desc w{{m.depth, p.num_hidden}, DnnlType::s8, DnnlDims{1, m.depth}};
  try {
    const auto attributes = dnnl_int8_attributes(p, 2, DType::i8);
    const auto any = dnnl_any({m.depth, p.num_hidden}, DnnlType::s8);
    const dnnl::matmul::primitive_desc desc =
        p.no_bias ? dnnl::matmul::primitive_desc(dnnl_engine(), x, any, y, attributes)
                  : dnnl::matmul::primitive_desc(dnnl_engine(), x, any, bias, y, attributes);
    if (dnnl_reference(desc)) return nullptr;
    std::vector<DnnlKernel::Binding> bindings{{DNNL_ARG_SRC, 0, false, x, x},
                                              {DNNL_ARG_WEIGHTS, 1, false, w, desc.weights_desc()},
                                              dnnl_int8_scales(p.num_hidden),
                                              {DNNL_ARG_DST, 0, true, y, y}};
    if (!p.no_bias) bindings.push_back({DNNL_ARG_BIAS, 3, false, bias, bias});
    return std::make_unique<DnnlInt8Kernel>(dnnl::matmul(desc), desc.scratchpad_desc(), std::move(bindings), p);
  } catch (const dnnl::error&) {
    return nullptr;  // not a case oneDNN knows
  }
}

}  // namespace

void register_dnnl(Registry& registry) {
  registry.existing("_int8_fully_connected").kernels.emplace_back(Provider::onednn, prepare_joined);
}

}  // namespace mixnet::op::quantized_fully_connected

// Concat on oneDNN, only where its inputs come in layouts of oneDNN's: between convolutions. Row-major tensors are joined
// by copying lines, which our own kernel does.
#include "op/shape/concatenate.h"
#include "op/core/builder.h"
#include "op/core/dnnl_kernel.h"

namespace mixnet::op::concatenate {
namespace {

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  if (c.layouts.empty() || !dnnl_takes(c)) return nullptr;
  std::vector<dnnl::memory::desc> parts;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    if (!dnnl_is_offered(c, i)) return nullptr;
    parts.push_back(static_cast<const DnnlLayout&>(*c.layouts[i]).desc());
  }
  const Shape& out = c.outputs[0].shape;
  const DnnlDims dims(out.begin(), out.end());
  const DnnlType type = dnnl_type(c.outputs[0].dtype);
  const int axis = normalize_axis(c.params<Params>().dim, out.ndim(), "Concat");
  try {
    const dnnl::concat::primitive_desc desc(dnnl_engine(), dnnl_any(dims, type), axis, parts, dnnl_attributes());
    if (dnnl_reference(desc)) return nullptr;
    std::vector<DnnlKernel::Binding> bindings{{DNNL_ARG_DST, 0, true, dnnl_plain(dims, type), desc.dst_desc()}};
    for (size_t i = 0; i < parts.size(); ++i) {
      const int index = static_cast<int>(i);
      bindings.push_back(
          {DNNL_ARG_MULTIPLE_SRC + index, index, false, dnnl_plain(parts[i].get_dims(), type), parts[i]});
    }
    return std::make_unique<DnnlKernel>(dnnl::concat(desc), desc.scratchpad_desc(), std::move(bindings));
  } catch (const dnnl::error&) {
    return nullptr;  // not a case oneDNN knows
  }
}

}  // namespace

void register_dnnl(Registry& registry) { registry.existing("Concat").kernels.emplace_back(Provider::onednn, prepare); }

}  // namespace mixnet::op::concatenate

// amp_cast on GPUs.
#include "op/core/gpu/convert.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::amp_cast {
namespace {

std::unique_ptr<Kernel> prepare(const PrepareContext&) {
  // Its parameters say no more than the dtypes do.
  return std::make_unique<FunctionKernel<NoParams>>(
      NoParams(), [](const NoParams&, const RunContext& r) { gpu::convert(*r.context.stream, r.in[0], r.out[0]); });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::prepared(registry, "amp_cast", prepare); }

}  // namespace mixnet::op::amp_cast

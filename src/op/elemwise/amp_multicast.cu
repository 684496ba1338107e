// amp_multicast on GPUs.
#include "op/core/gpu/convert.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::amp_multicast {
namespace {

std::unique_ptr<Kernel> prepare(const PrepareContext&) {
  // Its parameters say no more than the dtypes do.
  return std::make_unique<FunctionKernel<NoParams>>(NoParams(), [](const NoParams&, const RunContext& r) {
    for (size_t k = 0; k < r.in.size(); ++k) gpu::convert(*r.context.stream, r.in[k], r.out[k]);
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::prepared(registry, "amp_multicast", prepare); }

}  // namespace mixnet::op::amp_multicast

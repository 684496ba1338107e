// one_hot on GPUs.
#include "op/index/one_hot.h"

#include "op/index/one_hot_on_gpu.h"

namespace mixnet::op::one_hot {
namespace {

void forward(const Params& p, const RunContext& r) { one_hot_on_gpu(r, p.depth, p.on_value, p.off_value); }

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "one_hot", forward); }

}  // namespace mixnet::op::one_hot

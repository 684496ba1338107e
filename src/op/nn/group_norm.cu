// GroupNorm on GPUs.
#include "op/nn/group_norm.h"

#include "op/nn/normalize_gpu.h"

namespace mixnet::op::group_norm {

void register_gpu(Registry& registry) { NormalizeOnGpu<Params, rows>::add(registry, "GroupNorm"); }

}  // namespace mixnet::op::group_norm

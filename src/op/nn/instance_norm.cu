// InstanceNorm on GPUs.
#include "op/nn/instance_norm.h"

#include "op/nn/normalize_gpu.h"

namespace mixnet::op::instance_norm {

void register_gpu(Registry& registry) { NormalizeOnGpu<Params, rows>::add(registry, "InstanceNorm"); }

}  // namespace mixnet::op::instance_norm

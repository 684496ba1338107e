// LayerNorm on GPUs.
#include "op/nn/layer_norm.h"

#include "op/nn/normalize_gpu.h"

namespace mixnet::op::layer_norm {

void register_gpu(Registry& registry) { NormalizeOnGpu<Params, rows>::add(registry, "LayerNorm"); }

}  // namespace mixnet::op::layer_norm

// SpatialTransformer on GPUs; see spatial_transformer.cc.
#include "op/image/spatial_transformer.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::spatial_transformer {

void register_gpu(Registry& registry) { gpu::wide<Params>(registry, "SpatialTransformer", forward<OnGpu>); }

}  // namespace mixnet::op::spatial_transformer

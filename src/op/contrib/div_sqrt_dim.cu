// _contrib_div_sqrt_dim on GPUs; see div_sqrt_dim.cc.
#include "op/contrib/div_sqrt_dim.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::div_sqrt_dim {
void register_gpu(Registry& registry) { gpu::kernel<NoParams>(registry, "_contrib_div_sqrt_dim", forward<OnGpu>); }

}  // namespace mixnet::op::div_sqrt_dim

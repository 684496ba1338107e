// _contrib_arange_like on GPUs; see arange_like.cc.
#include "op/contrib/arange_like.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::arange_like {
void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "_contrib_arange_like", forward<OnGpu>); }

}  // namespace mixnet::op::arange_like

// round_ste, sign_ste and gradientmultiplier on GPUs; see straight_through.cc.
#include "op/contrib/straight_through.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::straight_through {
void register_gpu(Registry& registry) {
  gpu::kernel<NoParams>(registry, "_contrib_round_ste", forward<OnGpu, true>);
  gpu::kernel<NoParams>(registry, "_contrib_sign_ste", forward<OnGpu, false>);
  gpu::kernel<Params>(registry, "_contrib_gradientmultiplier", copy<OnGpu>);
}

}  // namespace mixnet::op::straight_through

// _contrib_MultiBoxPrior on GPUs; see multibox_prior.cc.
#include "op/contrib/multibox_prior.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::multibox_prior {
void register_gpu(Registry& registry) { gpu::wide<Params>(registry, "_contrib_MultiBoxPrior", forward<OnGpu>); }

}  // namespace mixnet::op::multibox_prior

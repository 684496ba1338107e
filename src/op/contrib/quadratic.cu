// _contrib_quadratic on GPUs; see quadratic.cc.
#include "op/contrib/quadratic.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::quadratic {
void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "_contrib_quadratic", forward<OnGpu>); }

}  // namespace mixnet::op::quadratic

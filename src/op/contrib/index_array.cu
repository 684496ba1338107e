// _contrib_index_array on GPUs; see index_array.cc.
#include "op/contrib/index_array.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::index_array {
void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "_contrib_index_array", forward<OnGpu>); }

}  // namespace mixnet::op::index_array

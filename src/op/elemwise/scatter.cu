// Arithmetic on what is stored, for dense tensors on GPUs; see scatter.cc.
#include "op/elemwise/binary_on_gpu.h"

namespace mixnet::op::scatter {

void register_gpu(Registry& registry) {
  gpu::kernel<NoParams>(registry, "_scatter_elemwise_div", on_gpu::binary<functions::Div>);
  gpu::kernel<ScalarParams>(registry, "_scatter_plus_scalar", on_gpu::scalar<functions::Add>);
  gpu::kernel<ScalarParams>(registry, "_scatter_minus_scalar", on_gpu::scalar<functions::Sub>);
}

}  // namespace mixnet::op::scatter

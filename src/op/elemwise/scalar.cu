// A tensor and a number on GPUs; see scalar.cc.
#include "op/elemwise/binary_on_gpu.h"

namespace mixnet::op::scalar {

void register_gpu(Registry& registry) {
  using namespace functions;
  auto add = [&](const char* name, gpu::KernelFn<ScalarParams> fn) { gpu::kernel<ScalarParams>(registry, name, fn); };
  add("_plus_scalar", on_gpu::scalar<Add>);
  add("_minus_scalar", on_gpu::scalar<Sub>);
  add("_rminus_scalar", on_gpu::scalar<Reversed<Sub>>);
  add("_mul_scalar", on_gpu::scalar<Mul>);
  add("_div_scalar", on_gpu::scalar<Div>);
  add("_rdiv_scalar", on_gpu::scalar<Reversed<Div>>);
  add("_mod_scalar", on_gpu::scalar<Mod>);
  add("_rmod_scalar", on_gpu::scalar<Reversed<Mod>>);
  add("_power_scalar", on_gpu::scalar<Power>);
  add("_rpower_scalar", on_gpu::scalar<Reversed<Power>>);
  add("_maximum_scalar", on_gpu::scalar<Maximum>);
  add("_minimum_scalar", on_gpu::scalar<Minimum>);
  add("_hypot_scalar", on_gpu::scalar<Hypot>);
  add("_equal_scalar", on_gpu::scalar<Equal>);
  add("_not_equal_scalar", on_gpu::scalar<NotEqual>);
  add("_greater_scalar", on_gpu::scalar<Greater>);
  add("_greater_equal_scalar", on_gpu::scalar<GreaterEqual>);
  add("_lesser_scalar", on_gpu::scalar<Lesser>);
  add("_lesser_equal_scalar", on_gpu::scalar<LesserEqual>);
  add("_logical_and_scalar", on_gpu::scalar<And>);
  add("_logical_or_scalar", on_gpu::scalar<Or>);
  add("_logical_xor_scalar", on_gpu::scalar<Xor>);
}

}  // namespace mixnet::op::scalar

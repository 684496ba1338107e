// Binary arithmetic on GPUs; see arithmetic.cc.
#include "op/elemwise/binary_on_gpu.h"

namespace mixnet::op::arithmetic {
namespace {

template <class F>
void add(Registry& registry, const char* same, const char* broadcast) {
  gpu::kernel<NoParams>(registry, same, on_gpu::binary<F>);
  gpu::kernel<NoParams>(registry, broadcast, on_gpu::binary<F>);
}

}  // namespace

void register_gpu(Registry& registry) {
  using namespace functions;
  add<Add>(registry, "elemwise_add", "broadcast_add");
  add<Sub>(registry, "elemwise_sub", "broadcast_sub");
  add<Mul>(registry, "elemwise_mul", "broadcast_mul");
  add<Div>(registry, "elemwise_div", "broadcast_div");
  add<Mod>(registry, "_mod", "broadcast_mod");
  add<Power>(registry, "_power", "broadcast_power");
  add<Maximum>(registry, "_maximum", "broadcast_maximum");
  add<Minimum>(registry, "_minimum", "broadcast_minimum");
  add<Hypot>(registry, "_hypot", "broadcast_hypot");
}

}  // namespace mixnet::op::arithmetic

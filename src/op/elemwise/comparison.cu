// Comparisons and logic on GPUs; see comparison.cc.
#include "op/elemwise/binary_on_gpu.h"

namespace mixnet::op::comparison {
namespace {

template <class F>
void add(Registry& registry, const char* same, const char* broadcast) {
  gpu::kernel<NoParams>(registry, same, on_gpu::binary<F>);
  gpu::kernel<NoParams>(registry, broadcast, on_gpu::binary<F>);
}

}  // namespace

void register_gpu(Registry& registry) {
  using namespace functions;
  add<Equal>(registry, "_equal", "broadcast_equal");
  add<NotEqual>(registry, "_not_equal", "broadcast_not_equal");
  add<Greater>(registry, "_greater", "broadcast_greater");
  add<GreaterEqual>(registry, "_greater_equal", "broadcast_greater_equal");
  add<Lesser>(registry, "_lesser", "broadcast_lesser");
  add<LesserEqual>(registry, "_lesser_equal", "broadcast_lesser_equal");
  add<And>(registry, "_logical_and", "broadcast_logical_and");
  add<Or>(registry, "_logical_or", "broadcast_logical_or");
  add<Xor>(registry, "_logical_xor", "broadcast_logical_xor");
}

}  // namespace mixnet::op::comparison

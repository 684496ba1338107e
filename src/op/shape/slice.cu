// _slice_assign_scalar on GPUs; the others of slice.cc move elements only.
#include "op/shape/slice.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/strided.h"
#include "op/core/movement.h"

namespace mixnet::op::slice {
namespace {

template <class T>
struct Fill {
  gpu::Strided<2> strided;  // (part, whole)
  T* whole;
  T value;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    int64_t at[2];
    strided.at(i, at);
    whole[at[1]] = value;
  }
};

void assign_scalar(const AssignScalarParams& p, const RunContext& r) {
  copy_bytes(r.context.stream, r.out[0].data, r.in[0].data, r.in[0].bytes());
  const Box box = box_of(p, r.in[0].shape, "_slice_assign_scalar");
  if (box.extent.size() == 0) return;
  int64_t offset;
  const StridedLoop<2> loop = box_loop(box, r.out[0].shape, &offset);
  dispatch_all(r.out[0].dtype, "_slice_assign_scalar", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T value = static_cast<T>(static_cast<accumulator_t<T>>(p.scalar));
    gpu::map(*r.context.stream, loop.size(), Fill<T>{gpu::Strided<2>(loop), r.out[0].as<T>() + offset, value});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<AssignScalarParams>(registry, "_slice_assign_scalar", assign_scalar);
}

}  // namespace mixnet::op::slice

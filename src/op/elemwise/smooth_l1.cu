// smooth_l1 on GPUs.
#include "op/elemwise/smooth_l1.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::smooth_l1 {
namespace {

template <class T>
struct Forward {
  using A = accumulator_t<T>;
  Curve<A> curve;
  const T* x;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { y[i] = static_cast<T>(curve(static_cast<A>(x[i]))); }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "smooth_l1", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(),
             Forward<T>{Curve<accumulator_t<T>>(p), r.in[0].as<T>(), r.out[0].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "smooth_l1", forward); }

}  // namespace mixnet::op::smooth_l1

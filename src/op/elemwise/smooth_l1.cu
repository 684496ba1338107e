// smooth_l1 on GPUs.
#include "op/elemwise/smooth_l1.h"

#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::smooth_l1 {
namespace {

template <class T>
struct Forward {
  using A = accumulator_t<T>;
  Curve<A> curve;
  MIXNET_ON_DEVICE A operator()(T x) const { return curve(static_cast<A>(x)); }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "smooth_l1", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map_values(*r.context.stream, r.out[0].size(), Forward<T>{Curve<accumulator_t<T>>(p)}, r.out[0].as<T>(),
                    r.in[0].as<T>());
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "smooth_l1", forward); }

}  // namespace mixnet::op::smooth_l1

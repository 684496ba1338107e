// hard_sigmoid on GPUs.
#include "op/elemwise/hard_sigmoid.h"

#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::hard_sigmoid {
namespace {

template <class T>
struct Forward {
  using A = accumulator_t<T>;
  Curve<A> curve;
  MIXNET_ON_DEVICE A operator()(T x) const { return curve(static_cast<A>(x)); }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "hard_sigmoid", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map_values(*r.context.stream, r.out[0].size(), Forward<T>{Curve<accumulator_t<T>>(p)}, r.out[0].as<T>(),
                    r.in[0].as<T>());
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "hard_sigmoid", forward); }

}  // namespace mixnet::op::hard_sigmoid

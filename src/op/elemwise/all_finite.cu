// all_finite and multi_all_finite on GPUs.
#include "op/elemwise/all_finite.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::all_finite {
namespace {

struct Start {
  float* y;
  bool anew;
  MIXNET_ON_DEVICE void operator()(int64_t) const { *y = anew || *y != 0 ? 1.0f : 0.0f; }
};
// Whoever finds something writes the same.
template <class T>
struct Check {
  const T* x;
  float* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    if (!(static_cast<accumulator_t<T>>(x[i]) * 0 == 0)) *y = 0;
  }
};

void kernel(const Params& p, const RunContext& r) {
  float* y = r.out[0].as<float>();
  gpu::map(*r.context.stream, 1, Start{y, p.init_output});
  for (const TensorView& in : r.in) {
    dispatch_float(in.dtype, "all_finite", [&](auto tag) {
      using T = typename decltype(tag)::type;
      gpu::map(*r.context.stream, in.size(), Check<T>{in.as<T>(), y});
    });
  }
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "all_finite", kernel);
  gpu::kernel<Params>(registry, "multi_all_finite", kernel);
}

}  // namespace mixnet::op::all_finite

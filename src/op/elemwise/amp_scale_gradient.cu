// The gradient of amp_scale_gradient on GPUs: times a number that is there alone.
#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::amp_scale_gradient {
namespace {

template <class T>
struct Scale {
  const float* scale;
  MIXNET_ON_DEVICE accumulator_t<T> operator()(T dy) const { return static_cast<accumulator_t<T>>(dy) * *scale; }
};
void backward(const NoParams&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "amp_scale_gradient", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map_values(*r.context.stream, r.out[0].size(), Scale<T>{r.in[1].as<float>()}, r.out[0].as<T>(),
                    r.in[0].as<T>());
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<NoParams>(registry, "_backward_amp_scale_gradient", backward); }

}  // namespace mixnet::op::amp_scale_gradient

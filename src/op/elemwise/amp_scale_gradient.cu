// The gradient of amp_scale_gradient on GPUs: times a number that is there alone.
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::amp_scale_gradient {
namespace {

template <class T>
struct Scale {
  const T* dy;
  const float* scale;
  T* dx;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    dx[i] = static_cast<T>(static_cast<accumulator_t<T>>(dy[i]) * *scale);
  }
};
void backward(const NoParams&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "amp_scale_gradient", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(), Scale<T>{r.in[0].as<T>(), r.in[1].as<float>(), r.out[0].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<NoParams>(registry, "_backward_amp_scale_gradient", backward); }

}  // namespace mixnet::op::amp_scale_gradient

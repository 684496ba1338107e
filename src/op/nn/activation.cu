// Activation on GPUs; see activation.cc.
#include "op/nn/activation.h"

#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::activation {
namespace {

template <class F, class T>
struct Forward {
  MIXNET_ON_DEVICE accumulator_t<T> operator()(T x) const { return F::of(static_cast<accumulator_t<T>>(x)); }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "Activation", [&](auto tag) {
    using T = typename decltype(tag)::type;
    dispatch(p.act, [&](auto function) {
      gpu::map_values(*r.context.stream, r.out[0].size(), Forward<decltype(function), T>(), r.out[0].as<T>(),
                      r.in[0].as<T>());
    });
  });
}

// (dy, y) to dx.
template <class F, class T>
struct Backward {
  MIXNET_ON_DEVICE accumulator_t<T> operator()(T dy, T y) const {
    using A = accumulator_t<T>;
    return static_cast<A>(dy) * F::slope(static_cast<A>(y));
  }
};

void backward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "Activation", [&](auto tag) {
    using T = typename decltype(tag)::type;
    dispatch(p.act, [&](auto function) {
      gpu::map_values(*r.context.stream, r.out[0].size(), Backward<decltype(function), T>(), r.out[0].as<T>(),
                      r.in[0].as<T>(), r.in[1].as<T>());
    });
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "Activation", forward);
  gpu::kernel<Params>(registry, "_backward_Activation", backward);
}

}  // namespace mixnet::op::activation

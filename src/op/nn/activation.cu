// Activation on GPUs; see activation.cc.
#include "op/nn/activation.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::activation {
namespace {

template <class F, class T>
struct Forward {
  const T* x;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    y[i] = static_cast<T>(F::of(static_cast<accumulator_t<T>>(x[i])));
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "Activation", [&](auto tag) {
    using T = typename decltype(tag)::type;
    dispatch(p.act, [&](auto function) {
      gpu::map(*r.context.stream, r.out[0].size(), Forward<decltype(function), T>{r.in[0].as<T>(), r.out[0].as<T>()});
    });
  });
}

// (dy, y) to dx.
template <class F, class T>
struct Backward {
  const T *dy, *y;
  T* dx;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    dx[i] = static_cast<T>(static_cast<A>(dy[i]) * F::slope(static_cast<A>(y[i])));
  }
};

void backward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "Activation", [&](auto tag) {
    using T = typename decltype(tag)::type;
    dispatch(p.act, [&](auto function) {
      gpu::map(*r.context.stream, r.out[0].size(),
               Backward<decltype(function), T>{r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>()});
    });
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "Activation", forward);
  gpu::kernel<Params>(registry, "_backward_Activation", backward);
}

}  // namespace mixnet::op::activation

// Functions of one number on GPUs; see unary.cc.
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/elemwise/functions.h"

namespace mixnet::op::unary {
namespace {

// What a function of T is computed in.
template <class T> struct compute {
  using type = T;
};
template <> struct compute<f16> {
  using type = float;
};
template <> struct compute<bf16> {
  using type = float;
};
template <> struct compute<bool> {
  using type = int64_t;
};

template <class F, class T>
struct Forward {
  const T* x;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = typename compute<T>::type;
    y[i] = static_cast<T>(F::template of<A>(static_cast<A>(x[i])));
  }
};

template <class F>
void forward(const NoParams&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "unary", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(), Forward<F, T>{r.in[0].as<T>(), r.out[0].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  using namespace functions;
  gpu::kernel<NoParams>(registry, "relu", forward<Relu>);
  gpu::kernel<NoParams>(registry, "exp", forward<Exp>);
}

}  // namespace mixnet::op::unary

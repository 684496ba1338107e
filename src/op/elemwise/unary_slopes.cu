// _backward_<function> of one number on GPUs: the gradient times the slope; see unary.cc.
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/elemwise/unary.h"

namespace mixnet::op::unary_slopes {
namespace {

using unary::compute_t;

template <class F, class T>
struct Slope {
  const T *dy, *v;
  T* dx;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = compute_t<T>;
    dx[i] = static_cast<T>(static_cast<A>(dy[i]) * F::template slope<A>(static_cast<A>(v[i])));
  }
};

template <class F>
void backward(const NoParams&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "unary", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(), Slope<F, T>{r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  unary::for_each_smooth([&](const char* name, auto f) {
    gpu::kernel<NoParams>(registry, std::string("_backward_") + name, backward<decltype(f)>);
  });
}

}  // namespace mixnet::op::unary_slopes

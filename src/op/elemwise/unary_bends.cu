// _backward__backward_<function> of one number on GPUs: times the derivative of the slope; see unary.cc.
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/elemwise/unary.h"

namespace mixnet::op::unary_bends {
namespace {

using unary::compute_t;

template <class F, class T>
struct Bend {
  const T *w, *v;
  T* dv;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = compute_t<T>;
    dv[i] = static_cast<T>(static_cast<A>(w[i]) * F::template bend<A>(static_cast<A>(v[i])));
  }
};

template <class F>
void second(const NoParams&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "unary", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(), Bend<F, T>{r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  unary::for_each_smooth([&](const char* name, auto f) {
    gpu::kernel<NoParams>(registry, std::string("_backward__backward_") + name, second<decltype(f)>);
  });
}

}  // namespace mixnet::op::unary_bends

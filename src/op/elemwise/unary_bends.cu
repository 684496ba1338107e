// _backward__backward_<function> of one number on GPUs: times the derivative of the slope; see unary.cc.
#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"
#include "op/elemwise/unary.h"

namespace mixnet::op::unary_bends {
namespace {

using unary::compute_t;

template <class F, class T>
struct Bend {
  MIXNET_ON_DEVICE compute_t<T> operator()(T w, T v) const {
    using A = compute_t<T>;
    return static_cast<A>(w) * F::template bend<A>(static_cast<A>(v));
  }
};

template <class F>
void second(const NoParams&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "unary", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map_values(*r.context.stream, r.out[0].size(), Bend<F, T>(), r.out[0].as<T>(), r.in[0].as<T>(),
                    r.in[1].as<T>());
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  unary::for_each_smooth([&](const char* name, auto f) {
    gpu::kernel<NoParams>(registry, std::string("_backward__backward_") + name, second<decltype(f)>);
  });
}

}  // namespace mixnet::op::unary_bends

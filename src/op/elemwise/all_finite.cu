// all_finite and multi_all_finite on GPUs.
#include "op/elemwise/all_finite.h"

#include "op/core/gpu/many.h"
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
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    const auto values = gpu::load<V>(x + at);
    bool finite = true;
    MIXNET_UNROLL
    for (int k = 0; k < V; ++k) finite = finite && static_cast<accumulator_t<T>>(values.at[k]) * 0 == 0;
    if (!finite) *y = 0;
  }
  bool even() const { return lanes::even(x); }
};

void kernel(const Params& p, const RunContext& r) {
  float* y = r.out[0].as<float>();
  gpu::map(*r.context.stream, 1, Start{y, p.init_output});
  gpu::for_stretches(r.in, "all_finite", [&](auto tag, size_t first, size_t last) {
    using T = typename decltype(tag)::type;
    gpu::Many<Check<T>, T> many(*r.context.stream);
    for (size_t k = first; k < last; ++k) many.add(r.in[k].size(), Check<T>{r.in[k].as<T>(), y});
    many.launch();
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "all_finite", kernel);
  gpu::kernel<Params>(registry, "multi_all_finite", kernel);
}

}  // namespace mixnet::op::all_finite

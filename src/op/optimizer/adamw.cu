// AdamW steps on GPUs; see adamw.cc.
#include "op/optimizer/adamw.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::adamw {
namespace {

template <class T, class S>
struct Step {
  using A = accumulator_t<T>;
  Rule<A> rule;
  const float* scale;
  const T *w, *g;
  S *mean, *var, *copy;  // copy: null without
  T* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    if (leaves_out(static_cast<double>(*scale))) {
      out[i] = w[i];
      return;
    }
    A weight = copy ? static_cast<A>(copy[i]) : static_cast<A>(w[i]), m = static_cast<A>(mean[i]),
      v = static_cast<A>(var[i]);
    rule.step(static_cast<A>(*scale), static_cast<A>(g[i]), weight, m, v);
    mean[i] = static_cast<S>(m);
    var[i] = static_cast<S>(v);
    if (copy) copy[i] = static_cast<S>(weight);
    out[i] = static_cast<T>(weight);
  }
};

template <bool Multi, bool Master>
void kernel(const Params& p, const RunContext& r) {
  constexpr size_t group = 4 + Master;
  const float* scale = r.in[r.out.size() * group].as<float>();
  for (size_t k = 0; k < r.out.size(); ++k) {
    const Span<const TensorView> in = r.in.subspan(k * group, group);
    dispatch_float(in[0].dtype, "adamw_update", [&](auto tag) {
      using T = typename decltype(tag)::type;
      using S = std::conditional_t<Master, float, T>;
      S* const copy = Master ? in[group - 1].template as<S>() : nullptr;
      gpu::map(*r.context.stream, r.out[k].size(),
               Step<T, S>{Rule<accumulator_t<T>>(p, rates_of<Multi>(p, k)), scale, in[0].as<T>(), in[1].as<T>(),
                          in[2].template as<S>(), in[3].template as<S>(), copy, r.out[k].template as<T>()});
    });
  }
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "_adamw_update", kernel<false, false>);
  gpu::kernel<Params>(registry, "_mp_adamw_update", kernel<false, true>);
  gpu::kernel<Params>(registry, "_multi_adamw_update", kernel<true, false>);
  gpu::kernel<Params>(registry, "_multi_mp_adamw_update", kernel<true, true>);
}

}  // namespace mixnet::op::adamw

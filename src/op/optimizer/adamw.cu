// AdamW steps on GPUs; see adamw.cc.
#include "op/optimizer/adamw.h"

#include "op/core/gpu/lanes.h"
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
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    if (leaves_out(static_cast<double>(*scale))) {
      gpu::store(out + at, gpu::load<V>(w + at));
      return;
    }
    auto weights = gpu::load<V>(weights_at() + at), means = gpu::load<V>(mean + at), vars = gpu::load<V>(var + at);
    const auto slopes = gpu::load<V>(g + at);
    gpu::Lanes<T, V> made;
    MIXNET_UNROLL
    for (int j = 0; j < V; ++j) {
      A weight = static_cast<A>(weights.at[j]), m = static_cast<A>(means.at[j]), v = static_cast<A>(vars.at[j]);
      rule.step(static_cast<A>(*scale), static_cast<A>(slopes.at[j]), weight, m, v);
      means.at[j] = static_cast<S>(m);
      vars.at[j] = static_cast<S>(v);
      weights.at[j] = static_cast<S>(weight);
      made.at[j] = static_cast<T>(weight);
    }
    gpu::store(mean + at, means);
    gpu::store(var + at, vars);
    if (copy) gpu::store(copy + at, weights);
    gpu::store(out + at, made);
  }
  // S is another type than T only where there is a copy.
  MIXNET_ON_DEVICE const S* weights_at() const {
    if constexpr (std::is_same<S, T>::value) return copy ? copy : w;
    else return copy;
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
      const Step<T, S> step{Rule<accumulator_t<T>>(p, rates_of<Multi>(p, k)),
                            scale,
                            in[0].template as<T>(),
                            in[1].template as<T>(),
                            in[2].template as<S>(),
                            in[3].template as<S>(),
                            copy,
                            r.out[k].template as<T>()};
      gpu::map_lanes<T, S>(*r.context.stream, r.out[k].size(), step,
                           gpu::even({step.w, step.g, step.mean, step.var, copy, step.out}));
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

// SGD steps of several weights on GPUs; see multi_sgd.cc.
#include "op/optimizer/multi_sgd.h"

#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::multi_sgd {
namespace {

// Learning rate and weight decay: numbers, or where they are.
struct Rates {
  double lr, wd;
  const float *lr_at, *wd_at;
};

template <class T, class S>
struct Step {
  using A = accumulator_t<T>;
  Rule<A> rule;
  Rates rates;
  const T *w, *g;
  S *mom, *copy;  // null without
  T* out;
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    const A lr = rates.lr_at ? static_cast<A>(*rates.lr_at) : static_cast<A>(rates.lr),
            wd = rates.wd_at ? static_cast<A>(*rates.wd_at) : static_cast<A>(rates.wd);
    auto weights = gpu::load<V>(weights_at() + at);
    const auto slopes = gpu::load<V>(g + at);
    gpu::Lanes<S, V> moments{};
    if (mom) moments = gpu::load<V>(mom + at);
    gpu::Lanes<T, V> made;
    MIXNET_UNROLL
    for (int j = 0; j < V; ++j) {
      A weight = static_cast<A>(weights.at[j]), m = static_cast<A>(moments.at[j]);
      rule.step(lr, wd, static_cast<A>(slopes.at[j]), weight, mom ? &m : nullptr);
      moments.at[j] = static_cast<S>(m);
      weights.at[j] = static_cast<S>(weight);
      made.at[j] = static_cast<T>(weight);
    }
    if (mom) gpu::store(mom + at, moments);
    if (copy) gpu::store(copy + at, weights);
    gpu::store(out + at, made);
  }
  // S is another type than T only where there is a copy.
  MIXNET_ON_DEVICE const S* weights_at() const {
    if constexpr (std::is_same<S, T>::value) return copy ? copy : w;
    else return copy;
  }
};

template <bool Momentum, bool Master, bool Preloaded>
void kernel(const Params& p, const RunContext& r) {
  constexpr size_t group = 2 + Momentum + Master;
  const size_t tail = r.out.size() * group;
  for (size_t k = 0; k < r.out.size(); ++k) {
    const Span<const TensorView> in = r.in.subspan(k * group, group);
    Rates rates{};
    if (Preloaded) rates = {0, 0, r.in[tail].as<float>() + k, r.in[tail + 1].as<float>() + k};
    else rates = {p.lrs[k], p.wds[k], nullptr, nullptr};
    dispatch_float(in[0].dtype, "multi_sgd", [&](auto tag) {
      using T = typename decltype(tag)::type;
      using S = std::conditional_t<Master, float, T>;
      S* const mom = Momentum ? in[2].template as<S>() : nullptr;
      S* const copy = Master ? in[group - 1].template as<S>() : nullptr;
      const Step<T, S> step{Rule<accumulator_t<T>>(p), rates, in[0].template as<T>(), in[1].template as<T>(), mom, copy,
                            r.out[k].template as<T>()};
      gpu::map_lanes<T, S>(*r.context.stream, r.out[k].size(), step, gpu::even({step.w, step.g, mom, copy, step.out}));
    });
  }
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "multi_sgd_update", kernel<false, false, false>);
  gpu::kernel<Params>(registry, "multi_sgd_mom_update", kernel<true, false, false>);
  gpu::kernel<Params>(registry, "multi_mp_sgd_update", kernel<false, true, false>);
  gpu::kernel<Params>(registry, "multi_mp_sgd_mom_update", kernel<true, true, false>);
  gpu::kernel<Params>(registry, "preloaded_multi_sgd_update", kernel<false, false, true>);
  gpu::kernel<Params>(registry, "preloaded_multi_sgd_mom_update", kernel<true, false, true>);
  gpu::kernel<Params>(registry, "preloaded_multi_mp_sgd_update", kernel<false, true, true>);
  gpu::kernel<Params>(registry, "preloaded_multi_mp_sgd_mom_update", kernel<true, true, true>);
}

}  // namespace mixnet::op::multi_sgd

// Fused optimizer steps on GPUs; see update.cc.
#include "op/optimizer/update.h"

#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::update {
namespace {

template <class F, class T, bool Master>
struct Step {
  using S = std::conditional_t<Master, float, T>;
  Params p;
  const T *w, *g;
  T* out;
  S* states[F::states > 0 ? F::states : 1];
  float* master;

  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    using A = accumulator_t<T>;
    gpu::Lanes<S, V> from, held[F::states > 0 ? F::states : 1];
    if constexpr (Master) from = gpu::load<V>(master + at);
    else from = gpu::load<V>(w + at);
    const auto slopes = gpu::load<V>(g + at);
    gpu::Lanes<T, V> made;
    MIXNET_UNROLL
    for (int k = 0; k < F::states; ++k) held[k] = gpu::load<V>(states[k] + at);
    MIXNET_UNROLL
    for (int j = 0; j < V; ++j) {
      A weight = static_cast<A>(from.at[j]), state[3] = {};
      MIXNET_UNROLL
      for (int k = 0; k < F::states; ++k) state[k] = static_cast<A>(held[k].at[j]);
      F::step(p, weight, static_cast<A>(slopes.at[j]), state);
      MIXNET_UNROLL
      for (int k = 0; k < F::states; ++k) held[k].at[j] = static_cast<S>(state[k]);
      from.at[j] = static_cast<S>(weight);
      made.at[j] = static_cast<T>(weight);
    }
    MIXNET_UNROLL
    for (int k = 0; k < F::states; ++k) gpu::store(states[k] + at, held[k]);
    if constexpr (Master) gpu::store(master + at, from);
    gpu::store(out + at, made);
  }
  bool even() const {
    return gpu::even({w, g, out, master}) &&
           std::all_of(states, states + F::states, [](const S* state) { return gpu::even(state); });
  }
};

template <class F, bool Master = false>
void step(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "optimizer", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = typename Step<F, T, Master>::S;
    Step<F, T, Master> f{p, r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>(), {}, nullptr};
    for (int k = 0; k < F::states; ++k) f.states[k] = r.in[static_cast<size_t>(2 + k)].template as<S>();
    if (Master) f.master = r.in[2 + F::states].template as<float>();
    gpu::map_lanes<T, S>(*r.context.stream, r.out[0].size(), f, f.even());
  });
}

template <class T>
struct LambDirection {
  Params p;
  const T *w, *g;
  T *mean, *var, *out;
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    using A = accumulator_t<T>;
    auto means = gpu::load<V>(mean + at), vars = gpu::load<V>(var + at);
    const auto weights = gpu::load<V>(w + at), slopes = gpu::load<V>(g + at);
    gpu::Lanes<T, V> made;
    MIXNET_UNROLL
    for (int j = 0; j < V; ++j) {
      A m = static_cast<A>(means.at[j]), v = static_cast<A>(vars.at[j]);
      made.at[j] = static_cast<T>(lamb_direction(p, static_cast<A>(weights.at[j]), static_cast<A>(slopes.at[j]), m, v));
      means.at[j] = static_cast<T>(m);
      vars.at[j] = static_cast<T>(v);
    }
    gpu::store(out + at, made);
    gpu::store(mean + at, means);
    gpu::store(var + at, vars);
  }
};
template <class T>
struct LambStep {
  Params p;
  const T *r1, *r2;
  MIXNET_ON_DEVICE accumulator_t<T> operator()(T w, T g) const {
    using A = accumulator_t<T>;
    return static_cast<A>(w) - lamb_rate(p, static_cast<A>(*r1), static_cast<A>(*r2)) * static_cast<A>(g);
  }
};

void lamb1(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "lamb_update_phase1", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const LambDirection<T> f{p, r.in[0].as<T>(), r.in[1].as<T>(), r.in[2].as<T>(), r.in[3].as<T>(), r.out[0].as<T>()};
    gpu::map_lanes<T>(*r.context.stream, r.out[0].size(), f, gpu::even({f.w, f.g, f.mean, f.var, f.out}));
  });
}
void lamb2(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "lamb_update_phase2", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map_values(*r.context.stream, r.out[0].size(), LambStep<T>{p, r.in[2].as<T>(), r.in[3].as<T>()},
                    r.out[0].as<T>(), r.in[0].as<T>(), r.in[1].as<T>());
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "sgd_update", step<Sgd>);
  gpu::kernel<Params>(registry, "mp_sgd_update", step<Sgd, true>);
  gpu::kernel<Params>(registry, "sgd_mom_update", step<SgdMomentum>);
  gpu::kernel<Params>(registry, "mp_sgd_mom_update", step<SgdMomentum, true>);
  gpu::kernel<Params>(registry, "nag_mom_update", step<Nag>);
  gpu::kernel<Params>(registry, "mp_nag_mom_update", step<Nag, true>);
  gpu::kernel<Params>(registry, "adam_update", step<Adam>);
  gpu::kernel<Params>(registry, "rmsprop_update", step<RmsProp>);
  gpu::kernel<Params>(registry, "rmspropalex_update", step<RmsPropAlex>);
  gpu::kernel<Params>(registry, "ftrl_update", step<Ftrl>);
  gpu::kernel<Params>(registry, "ftml_update", step<Ftml>);
  gpu::kernel<Params>(registry, "signsgd_update", step<SignSgd>);
  gpu::kernel<Params>(registry, "signum_update", step<Signum>);
  gpu::kernel<Params>(registry, "lamb_update_phase1", lamb1);
  gpu::kernel<Params>(registry, "lamb_update_phase2", lamb2);
}

}  // namespace mixnet::op::update

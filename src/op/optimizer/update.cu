// Fused optimizer steps on GPUs; see update.cc.
#include "op/optimizer/update.h"

#include "op/core/gpu/launch.h"
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

  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    A weight = Master ? static_cast<A>(master[i]) : static_cast<A>(w[i]), state[3] = {};
    for (int k = 0; k < F::states; ++k) state[k] = static_cast<A>(states[k][i]);
    F::step(p, weight, static_cast<A>(g[i]), state);
    for (int k = 0; k < F::states; ++k) states[k][i] = static_cast<S>(state[k]);
    if (Master) master[i] = static_cast<float>(weight);
    out[i] = static_cast<T>(weight);
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
    gpu::map(*r.context.stream, r.out[0].size(), f);
  });
}

template <class T>
struct LambDirection {
  Params p;
  const T *w, *g;
  T *mean, *var, *out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    A m = static_cast<A>(mean[i]), v = static_cast<A>(var[i]);
    out[i] = static_cast<T>(lamb_direction(p, static_cast<A>(w[i]), static_cast<A>(g[i]), m, v));
    mean[i] = static_cast<T>(m);
    var[i] = static_cast<T>(v);
  }
};
template <class T>
struct LambStep {
  Params p;
  const T *w, *g, *r1, *r2;
  T* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    const A rate = lamb_rate(p, static_cast<A>(*r1), static_cast<A>(*r2));
    out[i] = static_cast<T>(static_cast<A>(w[i]) - rate * static_cast<A>(g[i]));
  }
};

void lamb1(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "lamb_update_phase1", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(),
             LambDirection<T>{p, r.in[0].as<T>(), r.in[1].as<T>(), r.in[2].as<T>(), r.in[3].as<T>(), r.out[0].as<T>()});
  });
}
void lamb2(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "lamb_update_phase2", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(),
             LambStep<T>{p, r.in[0].as<T>(), r.in[1].as<T>(), r.in[2].as<T>(), r.in[3].as<T>(), r.out[0].as<T>()});
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

// A step of one weight by a rule of update.h, piece by piece, on CPUs and GPUs.
#pragma once
#include "op/core/kernel.h"
#include "op/core/lanes.h"
#include "op/optimizer/update.h"

namespace mixnet::op::update {

// Inputs weight, grad, states..., and with Master a float32 copy of the weight last.
template <class F, class T, bool Master>
struct Step {
  using S = std::conditional_t<Master, float, T>;
  Params p;
  const T *w, *g;
  T* out;
  S* states[F::states > 0 ? F::states : 1];
  float* master;

  Step(const Params& params, const RunContext& r)
      : p(faded(params)), w(r.in[0].as<T>()), g(r.in[1].as<T>()), out(r.out[0].as<T>()), states{}, master(nullptr) {
    for (int k = 0; k < F::states; ++k) states[k] = r.in[static_cast<size_t>(2 + k)].template as<S>();
    if (Master) master = r.in[2 + F::states].template as<float>();
  }
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    using A = accumulator_t<T>;
    lanes::Lanes<S, V> from, held[F::states > 0 ? F::states : 1];
    if constexpr (Master) from = lanes::load<V>(master + at);
    else from = lanes::load<V>(w + at);
    const auto slopes = lanes::load<V>(g + at);
    lanes::Lanes<T, V> made;
    MIXNET_UNROLL
    for (int k = 0; k < F::states; ++k) held[k] = lanes::load<V>(states[k] + at);
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
    for (int k = 0; k < F::states; ++k) lanes::store(states[k] + at, held[k]);
    if constexpr (Master) lanes::store(master + at, from);
    lanes::store(out + at, made);
  }
  bool even() const {
    return lanes::even({w, g, out, master}) &&
           std::all_of(states, states + F::states, [](const S* state) { return lanes::even(state); });
  }
};

// Inputs weight, grad, mean, var.
template <class T>
struct LambDirection {
  Params p;
  const T *w, *g;
  T *mean, *var, *out;

  LambDirection(const Params& params, const RunContext& r)
      : p(faded(params)),
        w(r.in[0].as<T>()),
        g(r.in[1].as<T>()),
        mean(r.in[2].as<T>()),
        var(r.in[3].as<T>()),
        out(r.out[0].as<T>()) {}
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    using A = accumulator_t<T>;
    auto means = lanes::load<V>(mean + at), vars = lanes::load<V>(var + at);
    const auto weights = lanes::load<V>(w + at), slopes = lanes::load<V>(g + at);
    lanes::Lanes<T, V> made;
    MIXNET_UNROLL
    for (int j = 0; j < V; ++j) {
      A m = static_cast<A>(means.at[j]), v = static_cast<A>(vars.at[j]);
      made.at[j] = static_cast<T>(lamb_direction(p, static_cast<A>(weights.at[j]), static_cast<A>(slopes.at[j]), m, v));
      means.at[j] = static_cast<T>(m);
      vars.at[j] = static_cast<T>(v);
    }
    lanes::store(out + at, made);
    lanes::store(mean + at, means);
    lanes::store(var + at, vars);
  }
  bool even() const { return lanes::even({w, g, mean, var, out}); }
};

// Inputs weight, g, and the norms of both.
template <class T>
struct LambStep {
  using A = accumulator_t<T>;
  Params p;
  const T *w, *g, *r1, *r2;
  T* out;

  LambStep(const Params& params, const RunContext& r)
      : p(params),
        w(r.in[0].as<T>()),
        g(r.in[1].as<T>()),
        r1(r.in[2].as<T>()),
        r2(r.in[3].as<T>()),
        out(r.out[0].as<T>()) {}
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    const A rate = lamb_rate(p, static_cast<A>(*r1), static_cast<A>(*r2));
    auto weights = lanes::load<V>(w + at);
    const auto slopes = lanes::load<V>(g + at);
    MIXNET_UNROLL
    for (int j = 0; j < V; ++j)
      weights.at[j] = static_cast<T>(static_cast<A>(weights.at[j]) - rate * static_cast<A>(slopes.at[j]));
    lanes::store(out + at, weights);
  }
  bool even() const { return lanes::even({w, g, out}); }
};

}  // namespace mixnet::op::update

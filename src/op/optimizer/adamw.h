// The parameters, the rule and the step of AdamW.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "op/core/kernel.h"
#include "op/core/lanes.h"
#include "op/optimizer/clip.h"

namespace mixnet::op::adamw {

struct Params {
  double lr = 0, eta = 0, wd = 0;      // the single forms
  std::vector<double> lrs, wds, etas;  // the multi forms
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, clip_gradient = -1;
  int64_t num_weights = 1;
};
struct Rates {
  double lr, wd, eta;
};

template <bool Multi>
Rates rates_of(const Params& p, size_t weight) {
  return Multi ? Rates{p.lrs[weight], p.wds[weight], p.etas[weight]} : Rates{p.lr, p.wd, p.eta};
}

// Whether a step with this scale is left out.
MIXNET_ON_DEVICE inline bool leaves_out(double scale) { return !std::isfinite(scale) || scale == 0; }

template <class A>
struct Rule {
  A b1, b2, epsilon, lr, wd, eta;
  double clip;
  Rule(const Params& p, const Rates& rates)
      : b1(static_cast<A>(p.beta1)),
        b2(static_cast<A>(p.beta2)),
        epsilon(static_cast<A>(p.epsilon)),
        lr(static_cast<A>(rates.lr)),
        wd(static_cast<A>(rates.wd)),
        eta(static_cast<A>(rates.eta)),
        clip(p.clip_gradient) {}
  MIXNET_ON_DEVICE void step(A scale, A g, A& w, A& m, A& v) const {
    const A d = clipped(scale * g, clip);
    m = b1 * m + (1 - b1) * d;
    v = b2 * v + (1 - b2) * d * d;
    w = w - eta * (lr * m / (std::sqrt(v) + epsilon) + wd * w);
  }
};

// Of one weight. Inputs weight, grad, mean, var, [weight32]; scale: where the gradient's is.
template <class T, bool Master>
struct Step {
  using A = accumulator_t<T>;
  using S = std::conditional_t<Master, float, T>;
  Rule<A> rule;
  const float* scale;
  const T *w, *g;
  S *mean, *var, *copy;
  T* out;

  Step(const Rule<A>& rule_of_this, const float* scale_of_all, Span<const TensorView> in, const TensorView& y)
      : rule(rule_of_this),
        scale(scale_of_all),
        w(in[0].as<T>()),
        g(in[1].as<T>()),
        mean(in[2].as<S>()),
        var(in[3].as<S>()),
        copy(Master ? in[4].as<S>() : nullptr),
        out(y.as<T>()) {}
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    if (leaves_out(static_cast<double>(*scale))) lanes::store(out + at, lanes::load<V>(w + at));
    else take<V>(at, static_cast<A>(*scale));
  }
  template <int V> MIXNET_ON_DEVICE void take(int64_t at, A by) const {
    lanes::Lanes<S, V> weights;
    if constexpr (Master) weights = lanes::load<V>(copy + at);
    else weights = lanes::load<V>(w + at);
    auto means = lanes::load<V>(mean + at), vars = lanes::load<V>(var + at);
    const auto slopes = lanes::load<V>(g + at);
    lanes::Lanes<T, V> made;
    MIXNET_UNROLL
    for (int j = 0; j < V; ++j) {
      A weight = static_cast<A>(weights.at[j]), m = static_cast<A>(means.at[j]), v = static_cast<A>(vars.at[j]);
      rule.step(by, static_cast<A>(slopes.at[j]), weight, m, v);
      means.at[j] = static_cast<S>(m);
      vars.at[j] = static_cast<S>(v);
      weights.at[j] = static_cast<S>(weight);
      made.at[j] = static_cast<T>(weight);
    }
    lanes::store(mean + at, means);
    lanes::store(var + at, vars);
    if constexpr (Master) lanes::store(copy + at, weights);
    lanes::store(out + at, made);
  }
  bool even() const { return lanes::even({w, g, mean, var, copy, out}); }
};

}  // namespace mixnet::op::adamw

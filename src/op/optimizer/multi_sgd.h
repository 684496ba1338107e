// The parameters, the rule and the step of SGD for several weights.
#pragma once
#include <cstdint>
#include <vector>

#include "op/core/kernel.h"
#include "op/core/lanes.h"
#include "op/optimizer/clip.h"
#include "op/optimizer/sgd.h"

namespace mixnet::op::multi_sgd {

struct Params {
  std::vector<double> lrs, wds;
  double momentum = 0, rescale_grad = 1, clip_gradient = -1;
  int64_t num_weights = 1;
};

template <class A>
struct Rule {
  A mu, rescale;
  double clip;
  explicit Rule(const Params& p)
      : mu(static_cast<A>(p.momentum)), rescale(static_cast<A>(p.rescale_grad)), clip(p.clip_gradient) {}
  // m: the last step; null without momentum.
  MIXNET_ON_DEVICE void step(A lr, A wd, A g, A& w, A* m) const {
    const A d = clipped(rescale * g, clip);
    if (!m) {
      w = sgd::weight(lr, wd, d, w);
      return;
    }
    *m = sgd::momentum(mu, lr, wd, d, w, *m);
    w += *m;
  }
};

// Learning rate and weight decay: numbers, or where they are.
struct Rates {
  double lr, wd;
  const float *lr_at, *wd_at;
};

template <bool Preloaded>
Rates rates_of(const Params& p, const RunContext& r, size_t weight) {
  if (!Preloaded) return {p.lrs[weight], p.wds[weight], nullptr, nullptr};
  const size_t tail = r.in.size() - 2;
  return {0, 0, r.in[tail].as<float>() + weight, r.in[tail + 1].as<float>() + weight};
}

// Of one weight. Inputs weight, grad, [mom], [weight32].
template <class T, bool Momentum, bool Master>
struct Step {
  using A = accumulator_t<T>;
  using S = std::conditional_t<Master, float, T>;
  Rule<A> rule;
  Rates rates;
  const T *w, *g;
  S *mom, *copy;
  T* out;

  Step(const Rule<A>& rule_of_all, const Rates& rates_of_this, Span<const TensorView> in, const TensorView& y)
      : rule(rule_of_all),
        rates(rates_of_this),
        w(in[0].as<T>()),
        g(in[1].as<T>()),
        mom(Momentum ? in[2].as<S>() : nullptr),
        copy(Master ? in[2 + Momentum].as<S>() : nullptr),
        out(y.as<T>()) {}
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    const A lr = rates.lr_at ? static_cast<A>(*rates.lr_at) : static_cast<A>(rates.lr),
            wd = rates.wd_at ? static_cast<A>(*rates.wd_at) : static_cast<A>(rates.wd);
    lanes::Lanes<S, V> weights, moments{};
    if constexpr (Master) weights = lanes::load<V>(copy + at);
    else weights = lanes::load<V>(w + at);
    if constexpr (Momentum) moments = lanes::load<V>(mom + at);
    const auto slopes = lanes::load<V>(g + at);
    lanes::Lanes<T, V> made;
    MIXNET_UNROLL
    for (int j = 0; j < V; ++j) {
      A weight = static_cast<A>(weights.at[j]), m = static_cast<A>(moments.at[j]);
      rule.step(lr, wd, static_cast<A>(slopes.at[j]), weight, Momentum ? &m : nullptr);
      moments.at[j] = static_cast<S>(m);
      weights.at[j] = static_cast<S>(weight);
      made.at[j] = static_cast<T>(weight);
    }
    if constexpr (Momentum) lanes::store(mom + at, moments);
    if constexpr (Master) lanes::store(copy + at, weights);
    lanes::store(out + at, made);
  }
  bool even() const { return lanes::even({w, g, mom, copy, out}); }
};

}  // namespace mixnet::op::multi_sgd

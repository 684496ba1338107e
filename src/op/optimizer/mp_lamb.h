// The parameters and the rules of LAMB on float32 copies.
#pragma once
#include <cmath>
#include <cstdint>

#include "op/core/kernel.h"
#include "op/core/lanes.h"
#include "op/optimizer/clip.h"

namespace mixnet::op::mp_lamb {

struct Params {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-6, wd = 0, rescale_grad = 1, clip_gradient = -1;
  double lr = 0, lower_bound = -1, upper_bound = -1;
  int64_t t = 1;
  bool bias_correction = true;
};

// Of the step, from the moments, which take the gradient in.
struct Direction {
  float b1, b2, correction1 = 1, correction2 = 1, rescale, epsilon, wd;
  double clip;
  explicit Direction(const Params& p)
      : b1(static_cast<float>(p.beta1)),
        b2(static_cast<float>(p.beta2)),
        rescale(static_cast<float>(p.rescale_grad)),
        epsilon(static_cast<float>(p.epsilon)),
        wd(static_cast<float>(p.wd)),
        clip(p.clip_gradient) {
    if (!p.bias_correction) return;
    const double t = static_cast<double>(p.t);
    correction1 = static_cast<float>(1 - std::pow(p.beta1, t));
    correction2 = static_cast<float>(1 - std::pow(p.beta2, t));
  }
  MIXNET_ON_DEVICE float operator()(float g, float w, float& mean, float& var) const {
    const float d = clipped(rescale * g, clip);
    mean = b1 * mean + (1 - b1) * d;
    var = b2 * var + (1 - b2) * d * d;
    return mean / correction1 / (std::sqrt(var / correction2) + epsilon) + wd * w;
  }
};

MIXNET_ON_DEVICE inline float scaled_rate(const Params& p, float r1, float r2) {
  const float lower = static_cast<float>(p.lower_bound), upper = static_cast<float>(p.upper_bound);
  if (p.lower_bound >= 0) r1 = r1 < lower ? lower : r1;
  if (p.upper_bound >= 0) r1 = r1 > upper ? upper : r1;
  return static_cast<float>(p.lr) * (r1 == 0 || r2 == 0 ? 1.0f : r1 / r2);
}

// Inputs weight, grad, mean, var, weight32; the direction in float32.
template <class T>
struct FirstPhase {
  Direction direction;
  const T* g;
  const float* w;
  float *mean, *var, *out;

  FirstPhase(const Params& p, const RunContext& r)
      : direction(p),
        g(r.in[1].as<T>()),
        w(r.in[4].as<float>()),
        mean(r.in[2].as<float>()),
        var(r.in[3].as<float>()),
        out(r.out[0].as<float>()) {}
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    const auto slopes = lanes::load<V>(g + at);
    auto weights = lanes::load<V>(w + at), means = lanes::load<V>(mean + at), vars = lanes::load<V>(var + at);
    MIXNET_UNROLL
    for (int j = 0; j < V; ++j)
      weights.at[j] = direction(static_cast<float>(slopes.at[j]), weights.at[j], means.at[j], vars.at[j]);
    lanes::store(mean + at, means);
    lanes::store(var + at, vars);
    lanes::store(out + at, weights);
  }
  bool even() const { return lanes::even({g, w, mean, var, out}); }
};

// Inputs weight, g, r1, r2, weight32; the weight.
template <class T>
struct SecondPhase {
  Params p;
  const float *g, *r1, *r2;
  float* w;
  T* out;

  SecondPhase(const Params& params, const RunContext& r)
      : p(params),
        g(r.in[1].as<float>()),
        r1(r.in[2].as<float>()),
        r2(r.in[3].as<float>()),
        w(r.in[4].as<float>()),
        out(r.out[0].as<T>()) {}
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    const float rate = scaled_rate(p, *r1, *r2);
    const auto steps = lanes::load<V>(g + at);
    auto weights = lanes::load<V>(w + at);
    lanes::Lanes<T, V> made;
    MIXNET_UNROLL
    for (int j = 0; j < V; ++j) {
      weights.at[j] -= rate * steps.at[j];
      made.at[j] = static_cast<T>(weights.at[j]);
    }
    lanes::store(w + at, weights);
    lanes::store(out + at, made);
  }
  bool even() const { return lanes::even({g, w, out}); }
};

}  // namespace mixnet::op::mp_lamb

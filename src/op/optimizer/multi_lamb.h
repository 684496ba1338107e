// The parameters, the rules and the two passes of LAMB over several weights.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "op/core/kernel.h"
#include "op/core/lanes.h"
#include "op/optimizer/clip.h"

namespace mixnet::op::multi_lamb {

struct Params {
  std::vector<double> learning_rates, wds, step_count;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-6, rescale_grad = 1, clip_gradient = -1, lower_bound = -1,
         upper_bound = -1;
  bool bias_correction = true;
  int64_t num_tensors = 1;
};

// One weight: its direction from the moments.
template <class A>
struct Direction {
  A scale1 = 1, scale2 = 1, epsilon, wd;
  Direction(const Params& p, size_t k) : epsilon(static_cast<A>(p.epsilon)), wd(static_cast<A>(p.wds[k])) {
    if (!p.bias_correction) return;
    const double t = p.step_count[k];
    scale1 = static_cast<A>(1 / (1 - std::pow(p.beta1, t)));
    scale2 = static_cast<A>(1 / (1 - std::pow(p.beta2, t)));
  }
  MIXNET_ON_DEVICE A operator()(A mean, A var, A weight) const {
    return mean * scale1 / (std::sqrt(var * scale2) + epsilon) + wd * weight;
  }
};

template <class A>
struct Moments {
  A b1, b2, rescale;
  double clip;
  explicit Moments(const Params& p)
      : b1(static_cast<A>(p.beta1)),
        b2(static_cast<A>(p.beta2)),
        rescale(static_cast<A>(p.rescale_grad)),
        clip(p.clip_gradient) {}
  MIXNET_ON_DEVICE void take(A g, A& mean, A& var) const {
    const A d = clipped(rescale * g, clip);
    mean = b1 * mean + (1 - b1) * d;
    var = b2 * var + (1 - b2) * d * d;
  }
};

// From the squared norms of weight and direction.
struct Rate {
  double lr, lower_bound, upper_bound;
  Rate(const Params& p, size_t k) : lr(p.learning_rates[k]), lower_bound(p.lower_bound), upper_bound(p.upper_bound) {}
  MIXNET_ON_DEVICE double operator()(double of_weight, double of_step) const {
    double r1 = std::sqrt(of_weight), r2 = std::sqrt(of_step);
    if (lower_bound >= 0) r1 = r1 < lower_bound ? lower_bound : r1;
    if (upper_bound >= 0) r1 = r1 > upper_bound ? upper_bound : r1;
    return lr * (r1 == 0 || r2 == 0 ? 1 : r1 / r2);
  }
};

// Squared.
struct Norms {
  double weight, step;
  MIXNET_ON_DEVICE Norms operator+(Norms b) const { return {weight + b.weight, step + b.step}; }
};

// One weight and its states. Inputs weight, grad, mean, var, [weight32].
template <class T, bool Master>
struct Weight {
  using A = accumulator_t<T>;
  using S = std::conditional_t<Master, float, T>;
  const T *w, *g;
  S *mean, *var, *copy;
  T* out;
  Moments<A> moments;
  Direction<A> direction;

  Weight(const Params& p, size_t k, Span<const TensorView> in, const TensorView& y)
      : w(in[0].as<T>()),
        g(in[1].as<T>()),
        mean(in[2].as<S>()),
        var(in[3].as<S>()),
        copy(Master ? in[4].as<S>() : nullptr),
        out(y.as<T>()),
        moments(p),
        direction(p, k) {}
  template <int V> MIXNET_ON_DEVICE lanes::Lanes<S, V> exact(int64_t at) const {
    if constexpr (Master) return lanes::load<V>(copy + at);
    else return lanes::load<V>(w + at);
  }
  // Takes the gradient of a piece in. The norm is that of the weight itself, not of its float32 copy.
  template <int V> MIXNET_ON_DEVICE Norms take(int64_t at) const {
    auto means = lanes::load<V>(mean + at), vars = lanes::load<V>(var + at);
    const auto weights = lanes::load<V>(w + at), slopes = lanes::load<V>(g + at);
    const auto exacts = exact<V>(at);
    lanes::Lanes<A, V> steps;
    MIXNET_UNROLL
    for (int j = 0; j < V; ++j) {
      A m = static_cast<A>(means.at[j]), v = static_cast<A>(vars.at[j]);
      moments.take(static_cast<A>(slopes.at[j]), m, v);
      means.at[j] = static_cast<S>(m);
      vars.at[j] = static_cast<S>(v);
      steps.at[j] = direction(static_cast<A>(means.at[j]), static_cast<A>(vars.at[j]), static_cast<A>(exacts.at[j]));
    }
    lanes::store(mean + at, means);
    lanes::store(var + at, vars);
    // Side by side, so that a CPU adds by vectors.
    constexpr int L = V < 8 ? V : 8;
    double of_weight[L] = {}, of_step[L] = {};
    MIXNET_UNROLL
    for (int j = 0; j < V; j += L) {
      MIXNET_UNROLL
      for (int l = 0; l < L; ++l) {
        const double x = static_cast<double>(weights.at[j + l]), u = static_cast<double>(steps.at[j + l]);
        of_weight[l] += x * x;
        of_step[l] += u * u;
      }
    }
    Norms sum{0, 0};
    MIXNET_UNROLL
    for (int l = 0; l < L; ++l) sum = sum + Norms{of_weight[l], of_step[l]};
    return sum;
  }
  template <int V> MIXNET_ON_DEVICE void step(int64_t at, A rate) const {
    const auto means = lanes::load<V>(mean + at), vars = lanes::load<V>(var + at);
    auto exacts = exact<V>(at);
    lanes::Lanes<T, V> made;
    MIXNET_UNROLL
    for (int j = 0; j < V; ++j) {
      const A x = static_cast<A>(exacts.at[j]),
              next = x - rate * direction(static_cast<A>(means.at[j]), static_cast<A>(vars.at[j]), x);
      exacts.at[j] = static_cast<S>(next);
      made.at[j] = static_cast<T>(next);
    }
    if constexpr (Master) lanes::store(copy + at, exacts);
    lanes::store(out + at, made);
  }
  bool even() const { return lanes::even({w, g, mean, var, copy, out}); }
};

// The second pass; rate: where the step's is.
template <class T, bool Master>
struct Step {
  Weight<T, Master> of;
  const double* rate;
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    of.template step<V>(at, static_cast<accumulator_t<T>>(*rate));
  }
  bool even() const { return of.even(); }
};

}  // namespace mixnet::op::multi_lamb

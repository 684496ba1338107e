// The parameters and the rules of LAMB steps of several weights.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/shape.h"
#include "op/optimizer/clip.h"

namespace mixnet::op::multi_lamb {

struct Params {
  std::vector<double> learning_rates, wds;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-6, rescale_grad = 1, clip_gradient = -1, lower_bound = -1,
         upper_bound = -1;
  bool bias_correction = true;
  Shape step_count;
  int64_t num_tensors = 1;
};

// One weight: its direction from the moments.
template <class A>
struct Direction {
  A scale1 = 1, scale2 = 1, epsilon, wd;
  Direction(const Params& p, size_t k) : epsilon(static_cast<A>(p.epsilon)), wd(static_cast<A>(p.wds[k])) {
    if (!p.bias_correction) return;
    const double t = static_cast<double>(p.step_count[static_cast<int>(k)]);
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

}  // namespace mixnet::op::multi_lamb

// The parameters and the rule of AdamW steps.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

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

}  // namespace mixnet::op::adamw

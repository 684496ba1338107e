// The rules of fused optimizer steps, element by element.
#pragma once
#include <cmath>
#include <cstdint>

#include "op/optimizer/clip.h"
#include "op/optimizer/sgd.h"

namespace mixnet::op::update {

struct Params {
  double lr = 0.01, wd = 0, rescale_grad = 1, clip_gradient = -1, momentum = 0;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;      // adam, lamb, ftml
  double gamma1 = 0.95, gamma2 = 0.9, clip_weights = -1;  // rmsprop
  double lamda1 = 0.01, beta = 1;                         // ftrl
  double wd_lh = 0, clip_grad = -1, lower_bound = -1, upper_bound = -1;
  int64_t t = 1;
  bool lazy_update = true, bias_correction = true;
  double left1 = 0, left2 = 0;  // 1 - beta^t, see faded; no parameters
};
// With what all elements have in common.
inline Params faded(Params p) {
  p.left1 = 1 - std::pow(p.beta1, static_cast<double>(p.t));
  p.left2 = 1 - std::pow(p.beta2, static_cast<double>(p.t));
  return p;
}

// rescale * g, clipped.
template <class A>
MIXNET_ON_DEVICE A scaled(const Params& p, A g) {
  return clipped(static_cast<A>(p.rescale_grad) * g, p.clip_gradient);
}

// One step of one element: w and the states by reference, g the gradient. Constants have the type A of the computation.
struct Sgd {
  static constexpr int states = 0;
  template <class A> MIXNET_ON_DEVICE static void step(const Params& p, A& w, A g, A*) {
    w = sgd::weight(A(p.lr), A(p.wd), scaled(p, g), w);
  }
};
struct SgdMomentum {
  static constexpr int states = 1;
  template <class A> MIXNET_ON_DEVICE static void step(const Params& p, A& w, A g, A* s) {
    s[0] = sgd::momentum(A(p.momentum), A(p.lr), A(p.wd), scaled(p, g), w, s[0]);
    w += s[0];
  }
};
// Nesterov's accelerated gradient.
struct Nag {
  static constexpr int states = 1;
  template <class A> MIXNET_ON_DEVICE static void step(const Params& p, A& w, A g, A* s) {
    const A d = scaled(p, g) + A(p.wd) * w;
    s[0] = A(p.momentum) * s[0] - A(p.lr) * d;
    w += A(p.momentum) * s[0] - A(p.lr) * d;
  }
};
// Kingma and Ba, 2015; the front end folds the bias correction into lr.
struct Adam {
  static constexpr int states = 2;
  template <class A> MIXNET_ON_DEVICE static void step(const Params& p, A& w, A g, A* s) {
    const A d = clipped(A(p.rescale_grad) * g + A(p.wd) * w, p.clip_gradient);
    s[0] = A(p.beta1) * s[0] + (1 - A(p.beta1)) * d;
    s[1] = A(p.beta2) * s[1] + (1 - A(p.beta2)) * d * d;
    w -= A(p.lr) * s[0] / (std::sqrt(s[1]) + A(p.epsilon));
  }
};
// Tieleman and Hinton, 2012.
struct RmsProp {
  static constexpr int states = 1;
  template <class A> MIXNET_ON_DEVICE static void step(const Params& p, A& w, A g, A* s) {
    const A d = clipped(A(p.rescale_grad) * g + A(p.wd) * w, p.clip_gradient);
    s[0] = (1 - A(p.gamma1)) * d * d + A(p.gamma1) * s[0];
    w = clipped(w - A(p.lr) * d / std::sqrt(s[0] + A(p.epsilon)), p.clip_weights);
  }
};
// Graves, 2013: centred, with momentum. States n, g, delta.
struct RmsPropAlex {
  static constexpr int states = 3;
  template <class A> MIXNET_ON_DEVICE static void step(const Params& p, A& w, A g, A* s) {
    const A d = clipped(A(p.rescale_grad) * g + A(p.wd) * w, p.clip_gradient);
    s[0] = (1 - A(p.gamma1)) * d * d + A(p.gamma1) * s[0];
    s[1] = (1 - A(p.gamma1)) * d + A(p.gamma1) * s[1];
    s[2] = A(p.gamma2) * s[2] - A(p.lr) * d / std::sqrt(s[0] - s[1] * s[1] + A(p.epsilon));
    w = clipped(w + s[2], p.clip_weights);
  }
};
// McMahan et al., 2013. States z, n.
struct Ftrl {
  static constexpr int states = 2;
  template <class A> MIXNET_ON_DEVICE static void step(const Params& p, A& w, A g, A* s) {
    const A d = scaled(p, g), n = s[1] + d * d;
    s[0] += d - (std::sqrt(n) - std::sqrt(s[1])) * w / A(p.lr);
    s[1] = n;
    const A excess = std::fabs(s[0]) - A(p.lamda1);
    w = excess <= 0 ? A(0) : (s[0] > 0 ? -excess : excess) / ((A(p.beta) + std::sqrt(n)) / A(p.lr) + A(p.wd));
  }
};
// Zheng and Kwok, 2017. States d, v, z.
struct Ftml {
  static constexpr int states = 3;
  template <class A> MIXNET_ON_DEVICE static void step(const Params& p, A& w, A g, A* s) {
    const A grad = clipped(A(p.rescale_grad) * g + A(p.wd) * w, p.clip_grad);
    s[1] = A(p.beta2) * s[1] + (1 - A(p.beta2)) * grad * grad;
    const A d = A(p.left1) / A(p.lr) * (std::sqrt(s[1] / A(p.left2)) + A(p.epsilon));
    s[2] = A(p.beta1) * s[2] + (1 - A(p.beta1)) * grad - (d - A(p.beta1) * s[0]) * w;
    s[0] = d;
    w = -s[2] / d;
  }
};
template <class A> MIXNET_ON_DEVICE A sign(A x) { return x > 0 ? A(1) : x < 0 ? A(-1) : A(0); }
struct SignSgd {
  static constexpr int states = 0;
  template <class A> MIXNET_ON_DEVICE static void step(const Params& p, A& w, A g, A*) {
    w = (1 - A(p.lr) * A(p.wd)) * w - A(p.lr) * sign(g);
  }
};
// Bernstein et al., 2018.
struct Signum {
  static constexpr int states = 1;
  template <class A> MIXNET_ON_DEVICE static void step(const Params& p, A& w, A g, A* s) {
    s[0] = A(p.momentum) * s[0] - (1 - A(p.momentum)) * (A(p.wd) * w + scaled(p, g));
    w = (1 - A(p.lr) * A(p.wd_lh)) * w + A(p.lr) * sign(s[0]);
  }
};

// LAMB (You et al., 2020): the direction in phase 1, the step scaled by the ratio of norms in phase 2.
template <class A>
MIXNET_ON_DEVICE A lamb_direction(const Params& p, A w, A g, A& mean, A& var) {
  const A b1 = A(p.beta1), b2 = A(p.beta2), d = scaled(p, g);
  mean = b1 * mean + (1 - b1) * d;
  var = b2 * var + (1 - b2) * d * d;
  const A m = p.bias_correction ? mean / A(p.left1) : mean, v = p.bias_correction ? var / A(p.left2) : var;
  return m / (std::sqrt(v) + A(p.epsilon)) + A(p.wd) * w;
}
template <class A>
MIXNET_ON_DEVICE A lamb_rate(const Params& p, A r1, A r2) {
  if (p.lower_bound >= 0) r1 = r1 < A(p.lower_bound) ? A(p.lower_bound) : r1;
  if (p.upper_bound >= 0) r1 = r1 > A(p.upper_bound) ? A(p.upper_bound) : r1;
  return r1 == 0 || r2 == 0 ? A(p.lr) : A(p.lr) * r1 / r2;
}

}  // namespace mixnet::op::update

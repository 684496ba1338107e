// The parameters and the rule of SGD steps of several weights.
#pragma once
#include <cstdint>
#include <vector>

#include "op/optimizer/clip.h"

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
    const A d = lr * clipped(rescale * g, clip);
    if (!m) {
      w = (1 - lr * wd) * w - d;
      return;
    }
    *m = mu * *m - lr * wd * w - d;
    w += *m;
  }
};

}  // namespace mixnet::op::multi_sgd

// The parameters and the rule of AdaGrad steps.
#pragma once
#include <cmath>

#include "op/optimizer/clip.h"

namespace mixnet::op::adagrad {

struct Params {
  double lr = 0.01, epsilon = 1e-7, wd = 0, rescale_grad = 1, clip_gradient = -1;
};

template <class A>
MIXNET_ON_DEVICE A scaled(const Params& p, A g) {
  return clipped(A(p.rescale_grad) * g, p.clip_gradient);
}
// A weight after its step along the scaled gradient.
template <class A>
MIXNET_ON_DEVICE A stepped(const Params& p, A w, A scaled, A history) {
  return w - A(p.lr) / std::sqrt(history + A(p.epsilon)) * scaled;
}

}  // namespace mixnet::op::adagrad

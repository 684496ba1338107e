// Parameters of LRN, shared with its device siblings.
#pragma once
#include <cmath>

#include "op/core/builder.h"

namespace mixnet::op::lrn {

struct Params {
  double alpha = 1e-4, beta = 0.75, knorm = 2;
  int64_t nsize = 0;
};

// norm^-beta. The usual 3/4 is made of square roots, which are quicker than powers.
template <class A>
struct AnyPower {
  A exponent;
  MIXNET_ON_DEVICE A operator()(A norm) const { return std::pow(norm, exponent); }
};
template <class A>
struct UsualPower {
  MIXNET_ON_DEVICE A operator()(A norm) const {
    const A root = std::sqrt(norm);
    return 1 / (root * std::sqrt(root));
  }
};
// f(power).
template <class A, class F>
void with_power(const Params& p, F f) {
  if (p.beta == 0.75) f(UsualPower<A>());
  else f(AnyPower<A>{static_cast<A>(-p.beta)});
}

struct Sizes {
  int64_t n, channels, inner;
  explicit Sizes(const Shape& s) : n(s[0]), channels(s[1]), inner(s.size(2, s.ndim())) {}
};

}  // namespace mixnet::op::lrn

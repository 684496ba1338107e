// The functions of LeakyReLU of one number, for CPUs and GPUs: `of`, and its derivative `slope`, with what the operator calls its slope.
#pragma once
#include "op/core/error_function.h"

namespace mixnet::op::leaky_relu {

// The sign of y is that of x where the slope is not negative: `slope` may then be given y.
struct Leaky {
  template <class A> static MIXNET_ON_DEVICE A of(A slope, A x) { return x > 0 ? x : slope * x; }
  template <class A> static MIXNET_ON_DEVICE A slope(A slope, A x) { return x > 0 ? A(1) : slope; }
  // The derivative by the slope.
  template <class A> static MIXNET_ON_DEVICE A by_slope(A x) { return x <= 0 ? x : A(0); }
};
struct Elu {
  template <class A> static MIXNET_ON_DEVICE A of(A scale, A x) {
    const A below = scale * functions::decay_less_one(x);
    return x > 0 ? x : below;
  }
  template <class A> static MIXNET_ON_DEVICE A slope(A scale, A x) {
    const A below = scale * functions::exponential(x);
    return x > 0 ? A(1) : below;
  }
};
// Klambauer et al., 2017.
struct Selu {
  template <class A> static MIXNET_ON_DEVICE A of(A, A x) { return A(scale) * Elu::of(A(alpha), x); }
  template <class A> static MIXNET_ON_DEVICE A slope(A, A x) { return A(scale) * Elu::slope(A(alpha), x); }
  static constexpr double alpha = 1.6732632423543772, scale = 1.0507009873554805;
};
// x times the normal distribution function (Hendrycks and Gimpel, 2016).
struct Gelu {
  template <class A> static MIXNET_ON_DEVICE A share(A x) {
    return A(0.5) * functions::complementary_error(x * A(-0.70710678118654752));
  }
  template <class A> static MIXNET_ON_DEVICE A of(A, A x) {
    const A y = x * share(x);
    return x < -40 ? A(0) : y;  // of -infinity too
  }
  template <class A> static MIXNET_ON_DEVICE A slope(A, A x) {
    const A bell = x * functions::exponential(A(-0.5) * x * x) * A(0.39894228040143268);
    return share(x) + (x < -40 || x > 40 ? A(0) : bell);
  }
};

}  // namespace mixnet::op::leaky_relu

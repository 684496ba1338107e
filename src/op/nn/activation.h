// The functions of Activation, for CPUs and GPUs; slopes are functions of the output alone, so that the input need not be kept.
#pragma once
#include <cmath>

#include "op/core/builder.h"
#include "op/core/soft_rectifier.h"

namespace mixnet::op::activation {

enum class Act { relu, sigmoid, tanh, softrelu, softsign };

struct Params {
  Act act = Act::relu;
};

struct Relu {
  template <class A> static MIXNET_ON_DEVICE A of(A x) { return x > 0 ? x : (x != x ? x : A(0)); }
  template <class A> static MIXNET_ON_DEVICE A slope(A y) { return y > 0 ? A(1) : A(0); }
};
struct Sigmoid {
  template <class A> static MIXNET_ON_DEVICE A of(A x) { return 1 / (1 + functions::exponential(-x)); }
  template <class A> static MIXNET_ON_DEVICE A slope(A y) { return y * (1 - y); }
};
struct Tanh {
  template <class A> static MIXNET_ON_DEVICE A of(A x) { return functions::hyperbolic_tangent(x); }
  template <class A> static MIXNET_ON_DEVICE A slope(A y) { return 1 - y * y; }
};
// log(1 + e^x).
struct Softrelu {
  template <class A> static MIXNET_ON_DEVICE A of(A x) { return functions::soft_rectifier(x); }
  template <class A> static MIXNET_ON_DEVICE A slope(A y) { return -functions::decay_less_one(-y); }
};
struct Softsign {
  template <class A> static MIXNET_ON_DEVICE A of(A x) { return x / (1 + std::fabs(x)); }
  template <class A> static MIXNET_ON_DEVICE A slope(A y) { return (1 - std::fabs(y)) * (1 - std::fabs(y)); }
};

// f(function).
template <class F>
void dispatch(Act act, F f) {
  switch (act) {
    case Act::relu: return f(Relu());
    case Act::sigmoid: return f(Sigmoid());
    case Act::tanh: return f(Tanh());
    case Act::softrelu: return f(Softrelu());
    case Act::softsign: return f(Softsign());
  }
}

}  // namespace mixnet::op::activation

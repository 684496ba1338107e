// A function of two numbers on values of a dtype, computed as sums of that dtype are; and the parameters of those whose second number is one
// for all.
#pragma once
#include "base/dtype.h"
#include "op/elemwise/functions.h"

namespace mixnet::op {

template <class F, class T>
MIXNET_ON_DEVICE T apply(T a, T b) {
  using A = accumulator_t<T>;
  return static_cast<T>(F::template of<A>(static_cast<A>(a), static_cast<A>(b)));
}

struct ScalarParams {
  double scalar = 1;
  bool is_int = true;
};

}  // namespace mixnet::op

// The parameters of _contrib_allclose, and the comparison.
#pragma once
#include <cmath>

#include "base/dtype.h"
#include "base/on_device.h"

namespace mixnet::op::allclose {

struct Params {
  double rtol = 1e-5, atol = 1e-8;
  bool equal_nan = true;
};

template <class T>
MIXNET_ON_DEVICE bool is_close(const Params& p, T x, T y) {
  const double a = static_cast<double>(static_cast<accumulator_t<T>>(x)),
               b = static_cast<double>(static_cast<accumulator_t<T>>(y));
  if (a == b || (p.equal_nan && a != a && b != b)) return true;
  return std::isfinite(a) && std::isfinite(b) && std::fabs(a - b) <= p.atol + p.rtol * std::fabs(b);
}

}  // namespace mixnet::op::allclose

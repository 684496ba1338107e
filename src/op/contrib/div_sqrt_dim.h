// _contrib_div_sqrt_dim, for any place.
#pragma once
#include <cmath>

#include "base/dtype.h"
#include "op/core/on_host.h"
#include "op/core/param.h"

namespace mixnet::op::div_sqrt_dim {

template <class T>
struct Divide {
  using A = accumulator_t<T>;
  const T* x;
  T* y;
  A root;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { y[i] = static_cast<T>(static_cast<A>(x[i]) / root); }
};

template <class Place>
void forward(const NoParams&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "div_sqrt_dim", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const A root = std::sqrt(static_cast<A>(r.in[0].shape.back()));
    Place::each(r, r.out[0].size(), 16384, Divide<T>{r.in[0].as<T>(), r.out[0].as<T>(), root});
  });
}

}  // namespace mixnet::op::div_sqrt_dim

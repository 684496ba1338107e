// The forwards of round_ste, sign_ste and gradientmultiplier, for any place.
#pragma once
#include <cmath>

#include "base/dtype.h"
#include "op/core/on_host.h"
#include "op/core/param.h"

namespace mixnet::op::straight_through {

struct Params {
  double scalar = 1;
  bool is_int = true;
};

// Half a whole number rounds away from zero.
template <class A> MIXNET_ON_DEVICE A rounded(A x) { return std::round(x); }
template <class A> MIXNET_ON_DEVICE A sign(A x) { return x > 0 ? A(1) : x < 0 ? A(-1) : x; }

template <class T, bool Round>
struct Stepped {
  using A = accumulator_t<T>;
  const T* in;
  T* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const A x = static_cast<A>(in[i]);
    out[i] = static_cast<T>(Round ? rounded(x) : sign(x));
  }
};

template <class Place, bool Round>
void forward(const NoParams&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, Round ? "round_ste" : "sign_ste", [&](auto tag) {
    using T = typename decltype(tag)::type;
    Place::each(r, r.out[0].size(), 16384, Stepped<T, Round>{r.in[0].as<T>(), r.out[0].as<T>()});
  });
}
template <class Place>
void copy(const Params&, const RunContext& r) {
  Place::copy(r, r.in[0], r.out[0]);
}

}  // namespace mixnet::op::straight_through

// _contrib_quadratic, for any place.
#pragma once
#include "base/dtype.h"
#include "op/core/on_host.h"

namespace mixnet::op::quadratic {

struct Params {
  double a = 0, b = 0, c = 0;
};

template <class T>
struct Value {
  using A = accumulator_t<T>;
  const T* in;
  T* out;
  A a, b, c;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const A x = static_cast<A>(in[i]);
    out[i] = static_cast<T>((a * x + b) * x + c);
  }
};

template <class Place>
void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "quadratic", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    Place::each(
        r, r.out[0].size(), 16384,
        Value<T>{r.in[0].as<T>(), r.out[0].as<T>(), static_cast<A>(p.a), static_cast<A>(p.b), static_cast<A>(p.c)});
  });
}

}  // namespace mixnet::op::quadratic

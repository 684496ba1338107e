// Two-operand elementwise operators on GPUs: two tensors with broadcasting, or a tensor and a number; as binary.h has them for CPUs.
#pragma once
#include "op/core/broadcast.h"
#include "op/core/gpu/convert.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/strided.h"
#include "op/elemwise/apply.h"

namespace mixnet::op::on_gpu {

template <class F, class T>
struct Binary {
  gpu::Strided<3> place;
  T* out;
  const T *a, *b;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    int64_t at[3];
    place.at(i, at);
    out[at[0]] = apply<F>(a[at[1]], b[at[2]]);
  }
};

template <class F>
void binary(const NoParams&, const RunContext& r) {
  const gpu::Strided<3> place(broadcast_loop(r.out[0].shape, r.in[0].shape, r.in[1].shape));
  dispatch_all(r.in[0].dtype, "elementwise", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, place.size, Binary<F, T>{place, r.out[0].as<T>(), r.in[0].as<T>(), r.in[1].as<T>()});
  });
}

template <class F, class T>
struct Scalar {
  const T* x;
  T* y;
  accumulator_t<T> s;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    y[i] = static_cast<T>(F::of(static_cast<accumulator_t<T>>(x[i]), s));
  }
};

template <class F>
void scalar(const ScalarParams& p, const RunContext& r) {
  // Integers that become wider do so first, where the result will be.
  const bool wider = r.in[0].dtype != r.out[0].dtype;
  if (wider) gpu::convert(*r.context.stream, r.in[0], r.out[0]);
  dispatch_all(r.out[0].dtype, "elementwise", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(),
             Scalar<F, T>{(wider ? r.out[0] : r.in[0]).as<T>(), r.out[0].as<T>(),
                          functions::from_real<accumulator_t<T>>(p.scalar)});
  });
}

}  // namespace mixnet::op::on_gpu

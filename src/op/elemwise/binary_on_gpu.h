// Two-operand elementwise operators on GPUs: two tensors with broadcasting, or a tensor and a number; as binary.h has them for CPUs.
#pragma once
#include "op/core/broadcast.h"
#include "op/core/gpu/convert.h"
#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/strided.h"
#include "op/elemwise/apply.h"

namespace mixnet::op::on_gpu {

template <class F, class T>
struct Binary {
  gpu::Strided<3> place;
  T* out;
  const T *a, *b;
  bool a_repeated, b_repeated;
  template <int V> MIXNET_ON_DEVICE void run(int64_t i) const {
    int64_t at[3];
    place.at(i, at);
    gpu::put_lanes<V>(
        out + at[0], [](T x, T y) { return apply<F>(x, y); }, gpu::take<V>(a + at[1], a_repeated),
        gpu::take<V>(b + at[2], b_repeated));
  }
};

template <class F>
void binary(const NoParams&, const RunContext& r) {
  const auto loop = broadcast_loop(r.out[0].shape, r.in[0].shape, r.in[1].shape);
  const int inner = loop.ndim() - 1;
  const auto strides = inner < 0 ? StridedLoop<3>::Offsets{1, 1, 1} : loop.strides(inner);
  dispatch_all(r.in[0].dtype, "elementwise", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* const out = r.out[0].as<T>();
    const T *const a = r.in[0].as<T>(), *const b = r.in[1].as<T>();
    const bool rows = inner <= 0 || loop.extent(inner) % gpu::lanes_of<T> == 0;
    gpu::map_lanes<T>(*r.context.stream, loop.size(),
                      Binary<F, T>{gpu::Strided<3>(loop), out, a, b, strides[1] == 0, strides[2] == 0},
                      rows && gpu::even({out, strides[1] ? a : out, strides[2] ? b : out}));
  });
}

template <class F, class T>
struct Scalar {
  accumulator_t<T> s;
  MIXNET_ON_DEVICE accumulator_t<T> operator()(T x) const { return F::of(static_cast<accumulator_t<T>>(x), s); }
};

template <class F>
void scalar(const ScalarParams& p, const RunContext& r) {
  // Integers that become wider do so first, where the result will be.
  const bool wider = r.in[0].dtype != r.out[0].dtype;
  if (wider) gpu::convert(*r.context.stream, r.in[0], r.out[0]);
  dispatch_all(r.out[0].dtype, "elementwise", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map_values(*r.context.stream, r.out[0].size(), Scalar<F, T>{functions::from_real<accumulator_t<T>>(p.scalar)},
                    r.out[0].as<T>(), static_cast<const T*>((wider ? r.out[0] : r.in[0]).as<T>()));
  });
}

}  // namespace mixnet::op::on_gpu

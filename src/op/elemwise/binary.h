// The kernels of two-operand elementwise operators: two tensors with broadcasting, or a tensor and a number.
#pragma once
#include "base/independent.h"
#include "op/core/broadcast.h"
#include "op/core/builder.h"
#include "op/elemwise/apply.h"

// A gradient rule in a table; the predictor has none.
#if defined(MIXNET_PREDICTOR)
#define MIXNET_RULE(rule) nullptr
#else
#define MIXNET_RULE(rule) rule
#endif

namespace mixnet::op {

template <class F, class T>
void binary_rows(const StridedLoop<3>& loop, T* out, const T* a, const T* b) {
  loop.run([=](const auto& at, int64_t n, const auto& stride) {
    T* o = out + at[0];
    const T *x = a + at[1], *y = b + at[2];
    const int64_t sx = stride[1], sy = stride[2];
    // `o` is one of the operands or apart from both.
    if (sx == 1 && sy == 1) {
      MIXNET_INDEPENDENT
      for (int64_t i = 0; i < n; ++i) o[i] = apply<F>(x[i], y[i]);
    } else if (sx == 1 && sy == 0) {
      const T q = *y;
      MIXNET_INDEPENDENT
      for (int64_t i = 0; i < n; ++i) o[i] = apply<F>(x[i], q);
    } else if (sx == 0 && sy == 1) {
      const T p = *x;
      MIXNET_INDEPENDENT
      for (int64_t i = 0; i < n; ++i) o[i] = apply<F>(p, y[i]);
    } else {
      for (int64_t i = 0; i < n; ++i) o[i] = apply<F>(x[i * sx], y[i * sy]);
    }
  });
}

template <class F>
void binary_kernel(const NoParams&, const RunContext& r) {
  const StridedLoop<3> loop = broadcast_loop(r.out[0].shape, r.in[0].shape, r.in[1].shape);
  dispatch_all(r.in[0].dtype, "elementwise", [&](auto tag) {
    using T = typename decltype(tag)::type;
    binary_rows<F, T>(loop, r.out[0].as<T>(), r.in[0].as<T>(), r.in[1].as<T>());
  });
}

// The dtype of a tensor of x and a number: x, but float64 for integers and a number that is not one, int64 for bool.
inline DType scalar_dtype(DType x, bool is_int) {
  if (x == DType::unknown || dtype_is_float(x)) return x;
  return !is_int ? DType::f64 : x == DType::boolean ? DType::i64 : x;
}

// Copies x to y, which is of int64 or float64. y may be x.
inline void widen(const TensorView& x, const TensorView& y) {
  dispatch_all(x.dtype, "elementwise", [&](auto tag) {
    const auto* from = x.as<typename decltype(tag)::type>();
    auto copy = [&](auto* to) {
      using U = std::remove_pointer_t<decltype(to)>;
      parallel_for(y.size(), 16384, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) to[i] = static_cast<U>(from[i]);
      });
    };
    if (y.dtype == DType::f64) copy(y.as<double>());
    else copy(y.as<int64_t>());
  });
}

template <class F>
void scalar_kernel(const ScalarParams& p, const RunContext& r) {
  const bool wider = r.in[0].dtype != r.out[0].dtype;
  if (wider) widen(r.in[0], r.out[0]);
  dispatch_all(r.out[0].dtype, "elementwise", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* x = (wider ? r.out[0] : r.in[0]).as<T>();
    T* y = r.out[0].as<T>();
    const auto s = functions::from_real<accumulator_t<T>>(p.scalar);
    parallel_for(r.out[0].size(), 16384, [=](int64_t first, int64_t last) {
      MIXNET_INDEPENDENT
      for (int64_t i = first; i < last; ++i) y[i] = static_cast<T>(F::of(static_cast<accumulator_t<T>>(x[i]), s));
    });
  });
}

}  // namespace mixnet::op

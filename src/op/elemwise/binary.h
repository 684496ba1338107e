// The kernel of all binary elementwise operators: two tensors with broadcasting, or a tensor and a number.
#pragma once
#include "op/core/broadcast.h"
#include "op/core/builder.h"
#include "op/elemwise/functions.h"

namespace mixnet::op {

template <class F, class T>
void binary_rows(const StridedLoop<3>& loop, T* out, const T* a, const T* b) {
  using A = accumulator_t<T>;
  loop.run([=](const auto& at, int64_t n, const auto& stride) {
    T* o = out + at[0];
    const T *x = a + at[1], *y = b + at[2];
    auto of = [](T p, T q) { return static_cast<T>(F::template of<A>(static_cast<A>(p), static_cast<A>(q))); };
    if (stride[1] == 1 && stride[2] == 1) {
      for (int64_t i = 0; i < n; ++i) o[i] = of(x[i], y[i]);
    } else if (stride[1] == 1 && stride[2] == 0) {
      const T q = *y;
      for (int64_t i = 0; i < n; ++i) o[i] = of(x[i], q);
    } else {
      const T p = *x;
      const int64_t sx = stride[1], sy = stride[2];
      if (sx == 0 && sy == 1) for (int64_t i = 0; i < n; ++i) o[i] = of(p, y[i]);
      else for (int64_t i = 0; i < n; ++i) o[i] = of(x[i * sx], y[i * sy]);
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

struct ScalarParams {
  double scalar = 0;
  bool is_int = false;
};

template <class F>
void scalar_kernel(const ScalarParams& p, const RunContext& r) {
  dispatch_all(r.in[0].dtype, "elementwise", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const T* x = r.in[0].as<T>();
    T* y = r.out[0].as<T>();
    const A s = static_cast<A>(p.scalar);
    parallel_for(r.out[0].size(), 16384, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) y[i] = static_cast<T>(F::template of<A>(static_cast<A>(x[i]), s));
    });
  });
}

}  // namespace mixnet::op

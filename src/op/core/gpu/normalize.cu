#include "op/core/gpu/normalize.h"

#include <cmath>

#include "op/core/gpu/launch.h"
#include "op/core/gpu/sums.h"

namespace mixnet::gpu {
namespace {

MIXNET_ON_DEVICE int64_t start(const Rows& s, int64_t row) {
  return row / s.inner * s.length * s.inner + row % s.inner;
}
MIXNET_ON_DEVICE int64_t scale_of(const Rows& s, int64_t row, int64_t k) {
  return s.groups ? row / s.inner % s.groups : k;
}

template <class T>
struct Forward {
  using A = accumulator_t<T>;
  Rows s;
  A eps;
  const T *x, *gamma, *beta;
  T *y, *means, *stds;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t row, const G& group) const {
    const int64_t at = start(s, row);
    const A n = static_cast<A>(s.length < 1 ? 1 : s.length);
    const A mean = sum_of<A>(group, s.length, [&](int64_t k) { return static_cast<A>(x[at + k * s.inner]); }) / n;
    const A squares = sum_of<A>(group, s.length, [&](int64_t k) {
      const A distance = static_cast<A>(x[at + k * s.inner]) - mean;
      return distance * distance;
    });
    const A std = std::sqrt(squares / n + eps), scale = 1 / std;
    for (int64_t k = group.rank(); k < s.length; k += group.size()) {
      const int64_t e = at + k * s.inner, g = scale_of(s, row, k);
      y[e] = static_cast<T>((static_cast<A>(x[e]) - mean) * scale * static_cast<A>(gamma[g]) + static_cast<A>(beta[g]));
    }
    if (group.rank() != 0) return;
    means[row] = static_cast<T>(mean);
    stds[row] = static_cast<T>(std);
  }
};

// dx = (g - mean(g) - h mean(g h)) / std with g = dy gamma and h = (x - mean) / std.
template <class T>
struct DataGradient {
  using A = accumulator_t<T>;
  Rows s;
  const T *dy, *x, *gamma, *means, *stds;
  T* dx;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t row, const G& group) const {
    const int64_t at = start(s, row);
    const A mean = static_cast<A>(means[row]), scale = 1 / static_cast<A>(stds[row]);
    const A n = static_cast<A>(s.length < 1 ? 1 : s.length);
    const Pair<A> sums = sum_of<Pair<A>>(group, s.length, [&](int64_t k) {
      const A g = slope(row, at, k);
      return Pair<A>{g, g * (static_cast<A>(x[at + k * s.inner]) - mean) * scale};
    });
    for (int64_t k = group.rank(); k < s.length; k += group.size()) {
      const A h = (static_cast<A>(x[at + k * s.inner]) - mean) * scale;
      dx[at + k * s.inner] = static_cast<T>((slope(row, at, k) - sums.first / n - h * sums.second / n) * scale);
    }
  }
  MIXNET_ON_DEVICE A slope(int64_t row, int64_t at, int64_t k) const {
    return static_cast<A>(dy[at + k * s.inner]) * static_cast<A>(gamma[scale_of(s, row, k)]);
  }
};

// The gradients of one element of gamma and beta, of all that they serve.
template <class T>
struct ScaleGradient {
  using A = accumulator_t<T>;
  Rows s;
  const T *dy, *x, *means, *stds;
  T *dgamma, *dbeta;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t g, const G& group) const {
    const int64_t rows = s.groups ? s.outer / s.groups * s.inner : s.outer * s.inner;
    const int64_t each = s.groups ? s.length : 1;
    const Pair<A> sums = sum_of<Pair<A>>(group, rows * each, [&](int64_t i) {
      const int64_t outer = i / each / s.inner, k = s.groups ? i % each : g;
      const int64_t row = (s.groups ? outer * s.groups + g : outer) * s.inner + i / each % s.inner;
      const int64_t e = start(s, row) + k * s.inner;
      const A d = static_cast<A>(dy[e]);
      return Pair<A>{d * (static_cast<A>(x[e]) - static_cast<A>(means[row])) * (1 / static_cast<A>(stds[row])), d};
    });
    if (group.rank() != 0) return;
    dgamma[g] = static_cast<T>(sums.first);
    dbeta[g] = static_cast<T>(sums.second);
  }
};

}  // namespace

void normalize(Stream& stream, const Rows& s, double eps, const void* x, const void* gamma, const void* beta, void* y,
               void* mean, void* std) {
  dispatch_float(s.dtype, "normalize", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_row(
        stream, s.outer * s.inner, s.length,
        Forward<T>{s, static_cast<accumulator_t<T>>(eps), static_cast<const T*>(x), static_cast<const T*>(gamma),
                   static_cast<const T*>(beta), static_cast<T*>(y), static_cast<T*>(mean), static_cast<T*>(std)});
  });
}

void normalize_backward(Stream& stream, const Rows& s, const void* dy, const void* x, const void* gamma,
                        const void* mean, const void* std, void* dx, void* dgamma, void* dbeta) {
  dispatch_float(s.dtype, "normalize", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *d = static_cast<const T*>(dy), *v = static_cast<const T*>(x), *m = static_cast<const T*>(mean),
            *e = static_cast<const T*>(std);
    for_each_row(stream, s.outer * s.inner, s.length,
                 DataGradient<T>{s, d, v, static_cast<const T*>(gamma), m, e, static_cast<T*>(dx)});
    for_each_row(stream, s.groups ? s.groups : s.length, s.outer * s.inner,
                 ScaleGradient<T>{s, d, v, m, e, static_cast<T*>(dgamma), static_cast<T*>(dbeta)});
  });
}

}  // namespace mixnet::gpu

#include "op/core/gpu/normalize.h"

#include <cmath>

#include "op/core/gpu/columns.h"
#include "op/core/gpu/rows.h"
#include "op/core/gpu/sums.h"

namespace mixnet::gpu {
namespace {

MIXNET_ON_DEVICE int64_t start(const Rows& s, int64_t row) {
  return row / s.inner * s.length * s.inner + row % s.inner;
}
// Where gamma and beta of a row begin: of all its elements, or of each.
MIXNET_ON_DEVICE int64_t scales(const Rows& s, int64_t row) { return s.groups ? row / s.inner % s.groups : 0; }

template <class T>
struct Forward {
  using A = accumulator_t<T>;
  static constexpr int V = lanes_of<T>;
  Rows s;
  bool pieces;
  A eps;
  const T *x, *gamma, *beta;
  T *y, *means, *stds;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t row, const G& group) const {
    const int64_t at = start(s, row), scale_at = scales(s, row);
    const A n = static_cast<A>(s.length < 1 ? 1 : s.length);
    A sum = 0, squares = 0;
    over_row<V>(group, s.length, pieces, [&](auto lanes, int64_t k) {
      const auto values = load<decltype(lanes)::value>(x + at + k * s.inner);
      MIXNET_UNROLL
      for (const T v : values.at) sum += static_cast<A>(v);
    });
    const A mean = group.reduce(sum, Plus()) / n;
    over_row<V>(group, s.length, pieces, [&](auto lanes, int64_t k) {
      const auto values = load<decltype(lanes)::value>(x + at + k * s.inner);
      MIXNET_UNROLL
      for (const T v : values.at) squares += (static_cast<A>(v) - mean) * (static_cast<A>(v) - mean);
    });
    const A std = std::sqrt(group.reduce(squares, Plus()) / n + eps), scale = 1 / std;
    over_row<V>(group, s.length, pieces, [&](auto lanes, int64_t k) {
      constexpr int count = decltype(lanes)::value;
      const int64_t e = at + k * s.inner, g = scale_at + (s.groups ? 0 : k);
      put_lanes(
          y + e,
          [&](T v, T times, T plus) {
            return (static_cast<A>(v) - mean) * scale * static_cast<A>(times) + static_cast<A>(plus);
          },
          load<count>(x + e), take<count>(gamma + g, s.groups), take<count>(beta + g, s.groups));
    });
    if (group.rank() != 0) return;
    means[row] = static_cast<T>(mean);
    stds[row] = static_cast<T>(std);
  }
};

// dx = (g - mean(g) - h mean(g h)) / std with g = dy gamma and h = (x - mean) / std.
template <class T>
struct DataGradient {
  using A = accumulator_t<T>;
  static constexpr int V = lanes_of<T>;
  Rows s;
  bool pieces;
  const T *dy, *x, *gamma, *means, *stds;
  T* dx;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t row, const G& group) const {
    const int64_t at = start(s, row), scale_at = scales(s, row);
    const A mean = static_cast<A>(means[row]), scale = 1 / static_cast<A>(stds[row]);
    const A n = static_cast<A>(s.length < 1 ? 1 : s.length);
    // f(place, dy, x, gamma)
    const auto each = [&](auto f) {
      over_row<V>(group, s.length, pieces, [&](auto lanes, int64_t k) {
        constexpr int count = decltype(lanes)::value;
        const int64_t e = at + k * s.inner;
        f(e, load<count>(dy + e), load<count>(x + e), take<count>(gamma + scale_at + (s.groups ? 0 : k), s.groups));
      });
    };
    Pair<A> sums{};
    each([&](int64_t, const auto& slopes, const auto& values, const auto& times) {
      MIXNET_UNROLL
      for (int j = 0; j < count_of(values); ++j) {
        const A g = static_cast<A>(slopes.at[j]) * static_cast<A>(times.at[j]);
        sums = sums + Pair<A>{g, g * (static_cast<A>(values.at[j]) - mean) * scale};
      }
    });
    sums = group.reduce(sums, Plus());
    each([&](int64_t e, const auto& slopes, const auto& values, const auto& times) {
      put_lanes(
          dx + e,
          [&](T slope, T value, T gamma) {
            const A g = static_cast<A>(slope) * static_cast<A>(gamma), h = (static_cast<A>(value) - mean) * scale;
            return (g - sums.first / n - h * sums.second / n) * scale;
          },
          slopes, values, times);
    });
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

// The same where an element of gamma serves a column of a table.
template <class T>
struct ScaleColumns {
  using A = accumulator_t<T>;
  struct Own {};
  using Value = Pair<A>;
  int64_t length;
  const T *dy, *x, *means, *stds;
  T *dgamma, *dbeta;
  MIXNET_ON_DEVICE Own own(int64_t) const { return {}; }
  template <int V> MIXNET_ON_DEVICE void add(int64_t at, const Own (&)[V], Value (&sums)[V]) const {
    const int64_t row = at / length;
    const A mean = static_cast<A>(means[row]), scale = 1 / static_cast<A>(stds[row]);
    const auto slopes = load<V>(dy + at), values = load<V>(x + at);
    MIXNET_UNROLL
    for (int k = 0; k < V; ++k) {
      const A d = static_cast<A>(slopes.at[k]);
      sums[k] = sums[k] + Value{d * (static_cast<A>(values.at[k]) - mean) * scale, d};
    }
  }
  MIXNET_ON_DEVICE void finish(int64_t column, const Value& sum) const {
    dgamma[column] = static_cast<T>(sum.first);
    dbeta[column] = static_cast<T>(sum.second);
  }
};

bool by_columns(const Rows& s) { return s.inner == 1 && s.groups == 0; }
ColumnSums column_sums(const Rows& s) { return ColumnSums({s.outer, s.length}); }

}  // namespace

void normalize(Stream& stream, const Rows& s, double eps, const void* x, const void* gamma, const void* beta, void* y,
               void* mean, void* std) {
  dispatch_float(s.dtype, "normalize", [&](auto tag) {
    using T = typename decltype(tag)::type;
    map_rows<T>(
        stream, s.outer * s.inner, s.length, s.inner,
        Forward<T>{s, whole_pieces<T>(s.length, s.inner, {x, y, s.groups ? x : gamma, s.groups ? x : beta}),
                   static_cast<accumulator_t<T>>(eps), static_cast<const T*>(x), static_cast<const T*>(gamma),
                   static_cast<const T*>(beta), static_cast<T*>(y), static_cast<T*>(mean), static_cast<T*>(std)});
  });
}

size_t normalize_backward_workspace(const Rows& s) { return by_columns(s) ? column_sums(s).workspace() : 0; }

void normalize_backward(Stream& stream, const Rows& s, const void* dy, const void* x, const void* gamma,
                        const void* mean, const void* std, void* dx, void* dgamma, void* dbeta, void* workspace) {
  dispatch_float(s.dtype, "normalize", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *d = static_cast<const T*>(dy), *v = static_cast<const T*>(x), *m = static_cast<const T*>(mean),
            *e = static_cast<const T*>(std);
    T *to_gamma = static_cast<T*>(dgamma), *to_beta = static_cast<T*>(dbeta);
    const bool pieces = whole_pieces<T>(s.length, s.inner, {dy, x, dx, s.groups ? dx : gamma});
    map_rows<T>(stream, s.outer * s.inner, s.length, s.inner,
                DataGradient<T>{s, pieces, d, v, static_cast<const T*>(gamma), m, e, static_cast<T*>(dx)});
    if (by_columns(s))
      column_sums(s).run<T>(stream, ScaleColumns<T>{s.length, d, v, m, e, to_gamma, to_beta}, {d, v}, workspace);
    else
      for_each_row(stream, s.groups ? s.groups : s.length, s.outer * s.inner,
                   ScaleGradient<T>{s, d, v, m, e, to_gamma, to_beta});
  });
}

}  // namespace mixnet::gpu

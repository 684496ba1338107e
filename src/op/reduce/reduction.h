// The kernel of all reductions over axes of a tensor.
//
// Elements are read in blocks as accumulators (float, double, int64): in place where the dtype is one and the row has
// no gaps, else through a buffer, so that each reduction is compiled for three types only. A block is reduced in lanes
// side by side, blocks are joined in double (int64): long sums vectorise and keep their accuracy. How the work is cut
// depends on the shape alone, so results do not depend on the number of threads.
#pragma once
#include <cmath>

#include "base/on_device.h"
#include "op/core/axes.h"

namespace mixnet::op::reduction {

template <class A>
using Wide = std::conditional_t<std::is_same<A, int64_t>::value, int64_t, double>;

// start: the value over nothing; of: takes one element in; join: of two partial results.
struct Sum {
  template <class A>
  MIXNET_ON_DEVICE static A start() {
    return 0;
  }
  template <class A>
  MIXNET_ON_DEVICE static A of(A s, A x) {
    return s + x;
  }
  template <class A>
  MIXNET_ON_DEVICE static A join(A s, A x) {
    return s + x;
  }
};
struct AbsSum : Sum {
  template <class A>
  MIXNET_ON_DEVICE static A of(A s, A x) {
    return s + (x < 0 ? -x : x);
  }
};
struct SquareSum : Sum {
  template <class A>
  MIXNET_ON_DEVICE static A of(A s, A x) {
    return s + x * x;
  }
};
struct NanSum : Sum {
  template <class A>
  MIXNET_ON_DEVICE static A of(A s, A x) {
    return x == x ? s + x : s;
  }
};
struct Prod {
  template <class A>
  MIXNET_ON_DEVICE static A start() {
    return 1;
  }
  template <class A>
  MIXNET_ON_DEVICE static A of(A s, A x) {
    return s * x;
  }
  template <class A>
  MIXNET_ON_DEVICE static A join(A s, A x) {
    return s * x;
  }
};
struct NanProd : Prod {
  template <class A>
  MIXNET_ON_DEVICE static A of(A s, A x) {
    return x == x ? s * x : s;
  }
};
// NaN wins.
struct Max {
  template <class A>
  MIXNET_ON_DEVICE static A start() {
    using L = std::numeric_limits<A>;
    return L::has_infinity ? -L::infinity() : L::lowest();
  }
  template <class A>
  MIXNET_ON_DEVICE static A of(A s, A x) {
    return x > s || x != x ? x : s;
  }
  template <class A>
  MIXNET_ON_DEVICE static A join(A s, A x) {
    return of(s, x);
  }
};
struct Min {
  template <class A>
  MIXNET_ON_DEVICE static A start() {
    using L = std::numeric_limits<A>;
    return L::has_infinity ? L::infinity() : L::max();
  }
  template <class A>
  MIXNET_ON_DEVICE static A of(A s, A x) {
    return x < s || x != x ? x : s;
  }
  template <class A>
  MIXNET_ON_DEVICE static A join(A s, A x) {
    return of(s, x);
  }
};

constexpr int64_t block = 512;

// Reads elements of any dtype as A.
template <class A>
struct Reader {
  const char* data;
  int64_t item;
  bool direct;  // the dtype is A's
  void (*load)(const char* from, int64_t step, int64_t n, A* to);

  explicit Reader(const TensorView& v)
      : data(v.as<char>()), item(dtype_size(v.dtype)), direct(v.dtype == dtype_of<A>::value) {
    load = dispatch_all(v.dtype, "reduce", [](auto tag) { return &convert<typename decltype(tag)::type>; });
  }
  // n elements from position `at` on; `buffer` holds n.
  const A* row(int64_t at, int64_t step, int64_t n, A* buffer) const {
    if (direct && step == 1) return reinterpret_cast<const A*>(data) + at;
    load(data + at * item, step, n, buffer);
    return buffer;
  }
  template <class T>
  static void convert(const char* from, int64_t step, int64_t n, A* to) {
    const T* x = reinterpret_cast<const T*>(from);
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<A>(static_cast<accumulator_t<T>>(x[i * step]));
  }
};

// A result in the range of T, which may be the extreme of nothing.
template <class T, class W>
MIXNET_ON_DEVICE T narrowed(W value) {
  using L = std::numeric_limits<T>;
  if (L::is_integer && value == std::numeric_limits<W>::lowest()) return L::lowest();
  if (L::is_integer && value == std::numeric_limits<W>::max()) return L::max();
  return static_cast<T>(static_cast<accumulator_t<T>>(value));
}

// Writes results of any dtype.
template <class W>
struct Writer {
  void* data;
  void (*store)(void* to, int64_t at, W value);
  explicit Writer(const TensorView& v) : data(v.data) {
    store = dispatch_all(v.dtype, "reduce", [](auto tag) { return &convert<typename decltype(tag)::type>; });
  }
  template <class T>
  static void convert(void* to, int64_t at, W value) {
    static_cast<T*>(to)[at] = narrowed<T>(value);
  }
};

// n elements of one row.
template <class F, class A>
Wide<A> reduce_row(const Reader<A>& x, int64_t at, int64_t step, int64_t n) {
  using W = Wide<A>;
  constexpr int lanes = 16;
  W total = F::template start<W>();
  A buffer[block];
  for (int64_t first = 0; first < n; first += block) {
    const int64_t m = std::min(block, n - first);
    const A* v = x.row(at + first * step, step, m, buffer);
    A lane[lanes];
    std::fill_n(lane, lanes, F::template start<A>());
    int64_t i = 0;
    for (; i + lanes <= m; i += lanes) {
      for (int l = 0; l < lanes; ++l) lane[l] = F::template of<A>(lane[l], v[i + l]);
    }
    for (; i < m; ++i) lane[i % lanes] = F::template of<A>(lane[i % lanes], v[i]);
    for (A partial : lane) total = F::template join<W>(total, static_cast<W>(partial));
  }
  return total;
}
// The same on several threads when the row is long.
template <class F, class A>
Wide<A> reduce_long_row(const Reader<A>& x, int64_t at, int64_t step, int64_t n) {
  using W = Wide<A>;
  constexpr int64_t parts = 32;
  if (n < 1 << 17) return reduce_row<F, A>(x, at, step, n);
  W partial[parts];
  parallel_for(parts, 1, [&](int64_t a, int64_t b) {
    for (int64_t p = a; p < b; ++p) {
      const int64_t first = n * p / parts, last = n * (p + 1) / parts;
      partial[p] = reduce_row<F, A>(x, at + first * step, step, last - first);
    }
  });
  W total = F::template start<W>();
  for (W p : partial) total = F::template join<W>(total, p);
  return total;
}

// `width` (at most block) neighbouring columns of `rows` rows, into sums.
template <class F, class A>
void reduce_columns(const Reader<A>& x, int64_t at, int64_t step, int64_t rows, int64_t width, Wide<A>* sums) {
  using W = Wide<A>;
  constexpr int64_t group = 64;
  A buffer[block], local[block];
  for (int64_t first = 0; first < rows; first += group) {
    std::fill_n(local, width, F::template start<A>());
    for (int64_t r = first; r < std::min(rows, first + group); ++r) {
      const A* v = x.row(at + r * step, 1, width, buffer);
      for (int64_t k = 0; k < width; ++k) local[k] = F::template of<A>(local[k], v[k]);
    }
    for (int64_t k = 0; k < width; ++k) sums[k] = F::template join<W>(sums[k], static_cast<W>(local[k]));
  }
}
template <class F, class A>
void reduce_long_columns(const Reader<A>& x, int64_t at, int64_t step, int64_t rows, int64_t width, Wide<A>* sums) {
  using W = Wide<A>;
  constexpr int64_t parts = 16;
  // By rows alone: the width depends on how columns were shared out among threads.
  if (rows < 1 << 14) return reduce_columns<F, A>(x, at, step, rows, width, sums);
  W partial[parts][block];
  parallel_for(parts, 1, [&](int64_t a, int64_t b) {
    for (int64_t p = a; p < b; ++p) {
      const int64_t first = rows * p / parts, last = rows * (p + 1) / parts;
      std::fill_n(partial[p], width, F::template start<W>());
      reduce_columns<F, A>(x, at + first * step, step, last - first, width, partial[p]);
    }
  });
  for (const auto& part : partial) {
    for (int64_t k = 0; k < width; ++k) sums[k] = F::template join<W>(sums[k], part[k]);
  }
}

// Which elements belong to which result.
struct Geometry {
  StridedLoop<2> kept;    // (output, input)
  StridedLoop<1> summed;  // (input)
  bool rows_inside;       // the last axis is reduced

  Geometry(const Shape& in, const std::vector<bool>& reduced) : rows_inside(in.ndim() > 0 && reduced.back()) {
    const auto strides = row_major_strides(in);
    int64_t out_stride[Shape::max_ndim], next = 1;
    for (int i = in.ndim() - 1; i >= 0; --i) {
      out_stride[i] = next;
      if (!reduced[static_cast<size_t>(i)]) next *= in[i];
    }
    for (int i = 0; i < in.ndim(); ++i) {
      const size_t d = static_cast<size_t>(i);
      if (reduced[d]) summed.add(in[i], {strides[d]});
      else kept.add(in[i], {out_stride[i], strides[d]});
    }
  }
  // A grain of results that makes worthwhile work.
  int64_t grain() const { return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, summed.size())); }
};
constexpr int64_t serial = int64_t{1} << 62;

template <class F, class A, class Finish>
void run(const TensorView& in, const TensorView& out, const Geometry& g, Finish finish) {
  using W = Wide<A>;
  const Reader<A> x(in);
  const Writer<W> y(out);
  const int64_t count = g.summed.size();
  g.kept.run(
      [&](const auto& at, int64_t n, const auto& stride) {
        if (g.rows_inside || stride[1] != 1) {
          for (int64_t k = 0; k < n; ++k) {
            W sum = F::template start<W>();
            g.summed.run(
                [&](const auto& s, int64_t m, const auto& step) {
                  sum = F::template join<W>(sum, reduce_long_row<F, A>(x, at[1] + k * stride[1] + s[0], step[0], m));
                },
                serial);
            y.store(y.data, at[0] + k * stride[0], finish(sum, count));
          }
          return;
        }
        W sums[block];
        for (int64_t first = 0; first < n; first += block) {
          const int64_t width = std::min(block, n - first);
          std::fill_n(sums, width, F::template start<W>());
          g.summed.run(
              [&](const auto& s, int64_t m, const auto& step) {
                reduce_long_columns<F, A>(x, at[1] + first + s[0], step[0], m, width, sums);
              },
              serial);
          for (int64_t k = 0; k < width; ++k) y.store(y.data, at[0] + (first + k) * stride[0], finish(sums[k], count));
        }
      },
      g.grain());
}

// What is made of a reduction over n elements.
struct Same {
  template <class W>
  MIXNET_ON_DEVICE W operator()(W s, int64_t) const {
    return s;
  }
};
struct Mean {
  template <class W>
  MIXNET_ON_DEVICE W operator()(W s, int64_t n) const {
    return n ? s / static_cast<W>(n) : s;
  }
};
struct Root {
  MIXNET_ON_DEVICE double operator()(double s, int64_t) const { return std::sqrt(s); }
  MIXNET_ON_DEVICE int64_t operator()(int64_t s, int64_t) const {
    return static_cast<int64_t>(std::sqrt(static_cast<double>(s)));
  }
};

// out = finish(reduction of in, number of elements reduced); finish takes double or int64.
template <class F, class Finish>
void reduce(const TensorView& in, const TensorView& out, const std::vector<bool>& reduced, Finish finish) {
  const Geometry g(in.shape, reduced);
  if (in.dtype == DType::f64) run<F, double>(in, out, g, finish);
  else if (dtype_is_float(in.dtype)) run<F, float>(in, out, g, finish);
  else run<F, int64_t>(in, out, g, finish);
}

template <class P>
void infer(InferShape& c) {
  if (!c.in[0].ndim_known()) return;
  const P& p = c.params<P>();
  c.set_out(0, reduced_shape(c.in[0], reduced_axes(p, c.in[0].ndim(), c.place().c_str()), p.keepdims));
}

//[full
// A reduced tensor spread over the shape of the gradient rule's input; with `mean`, divided by the number of copies.
inline Entry spread(GradientContext& g, const ReduceParams& p, Entry x, bool mean = false) {
  const Value axis = p.axis ? Value(*p.axis) : Value();
  return g.make("_spread_like", {std::move(x), g.input(0)}, {{"axis", axis}, {"exclude", p.exclude}, {"mean", mean}});
}
//]

}  // namespace mixnet::op::reduction

// Reductions over axes on GPUs, for those that reduction.h describes.
#pragma once
#include "op/core/gpu/elements.h"
#include "op/core/gpu/lanes.h"
#include "op/core/gpu/reduction.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/strided.h"
#include "op/reduce/reduction.h"

namespace mixnet::op::reduction {

// The same cut as Geometry's, for kernels. Results are numbered in row-major order.
struct Places {
  explicit Places(const Geometry& g)
      : kept(g.kept), summed(g.summed), dense(g.summed.ndim() == 1 && g.summed.strides(0)[0] == 1) {}
  MIXNET_ON_DEVICE int64_t start(int64_t result) const {
    int64_t at[2];
    kept.at(result, at);
    return at[1];
  }
  MIXNET_ON_DEVICE int64_t step_to(int64_t i) const {
    int64_t at[1];
    summed.at(i, at);
    return at[0];
  }

  gpu::Strided<2> kept;
  gpu::Strided<1> summed;
  bool dense;  // what one result is made of lies in one stretch
};

inline gpu::Reduction plan_for(const Geometry& g) {
  return gpu::Reduction(g.kept.size(), g.summed.size(), !g.rows_inside);
}

// An integer is never NaN: fewer kernels.
template <class F, class A> struct Folding {
  using type = F;
};
template <> struct Folding<NanSum, int64_t> {
  using type = Sum;
};
template <> struct Folding<NanProd, int64_t> {
  using type = Prod;
};

// Results in the dtype of the input, or in any.
template <class A>
struct SameOutput : gpu::Elements<A> {
  using gpu::Elements<A>::Elements;
  template <class W> MIXNET_ON_DEVICE void put(int64_t i, W value) const {
    gpu::with_pointer<A>(this->data, this->dtype, [&](auto* y) { y[i] = narrowed<std::decay_t<decltype(*y)>>(value); });
  }
};
template <class A>
struct AnyOutput : gpu::Elements<A> {
  using gpu::Elements<A>::Elements;
  template <class W> MIXNET_ON_DEVICE void put(int64_t i, W value) const {
    auto store = [&](auto* y) { y[i] = narrowed<std::decay_t<decltype(*y)>>(value); };
    switch (this->dtype) {
      case DType::f64: gpu::with_pointer<double>(this->data, this->dtype, store); break;
      case DType::f32:
      case DType::f16:
      case DType::bf16: gpu::with_pointer<float>(this->data, this->dtype, store); break;
      default: gpu::with_pointer<int64_t>(this->data, this->dtype, store);
    }
  }
};

// The elements that results are made of, several at a time where they are neighbours.
template <class A>
struct Reduced {
  static constexpr bool in_pieces = !std::is_same<A, int64_t>::value;
  static constexpr int side_by_side = in_pieces ? static_cast<int>(16 / sizeof(A)) : 1;
  gpu::Elements<A> x;
  Places places;
  bool even;  // x begins at a multiple of 16 bytes

  Reduced(const TensorView& v, const Geometry& g) : x(v), places(g), even(gpu::even(v.data)) {}

  // f(values), arrays of A, of parts first, first + step, ... of a result's elements. In a stretch a part is as many as 16 bytes hold, wherever it begins.
  template <class F> MIXNET_ON_DEVICE void each(int64_t result, int64_t first, int64_t step, F f) const {
    const int64_t base = places.start(result), n = places.summed.size;
    if constexpr (in_pieces) {
      if (places.dense)
        return gpu::with_pointer<A>(x.data, x.dtype, [&](auto* from) {
          each_piece(static_cast<const std::decay_t<decltype(*from)>*>(from) + base, n, first, step, f);
        });
    }
    x.visit([&](auto read) {
      for (int64_t i = first; i < n; i += step) {
        const A one[1] = {read(base + places.step_to(i))};
        f(one);
      }
      return 0;
    });
  }
  // f(values) of rows first, first + step, ... of elements: V neighbours, for as many neighbouring results.
  template <int V, class F> MIXNET_ON_DEVICE void each_row(int64_t result, int64_t first, int64_t step, F f) const {
    const int64_t base = places.start(result), n = places.summed.size;
    gpu::with_pointer<A>(x.data, x.dtype, [&](auto* from) {
      for (int64_t i = first; i < n; i += step) f(values_of(gpu::load<V>(from + base + places.step_to(i))).at);
    });
  }
  // Whether results that are neighbours have elements that are: `side_by_side` of them.
  static bool have_neighbours(const TensorView& v, const Geometry& g) {
    if (!in_pieces || g.rows_inside || g.kept.ndim() == 0 || !gpu::even(v.data)) return false;
    const int last = g.kept.ndim() - 1;
    return g.kept.strides(last)[1] == 1 && g.kept.extent(last) % side_by_side == 0;
  }

 private:
  template <class T, int V> MIXNET_ON_DEVICE static gpu::Lanes<A, V> values_of(const gpu::Lanes<T, V>& lanes) {
    gpu::Lanes<A, V> values;
    MIXNET_UNROLL
    for (int k = 0; k < V; ++k) values.at[k] = static_cast<A>(lanes.at[k]);
    return values;
  }
  template <class T, class F>
  MIXNET_ON_DEVICE void each_piece(const T* from, int64_t n, int64_t first, int64_t step, F f) const {
    constexpr int V = gpu::lanes_of<T>;
    const bool whole = even && (n % V == 0 || places.kept.size == 1);
    for (int64_t at = first * V; at < n; at += step * V) {
      gpu::Lanes<T, V> lanes{};
      if (at + V <= n) {
        if (whole) lanes = gpu::load<V>(from + at);
        else read(from + at, lanes);
        f(values_of(lanes).at);
        continue;
      }
      for (int64_t i = at; i < n; ++i) {
        const A one[1] = {static_cast<A>(from[i])};
        f(one);
      }
    }
  }
  template <class T, int V> MIXNET_ON_DEVICE static void read(const T* from, gpu::Lanes<T, V>& lanes) {
    MIXNET_UNROLL
    for (int k = 0; k < V; ++k) lanes.at[k] = from[k];
  }
};

// A sum in A, of not too many elements, as on the CPU, and of such sums in Wide<A>.
template <class F, class A>
struct Total {
  Wide<A> all = F::template start<Wide<A>>();
  A some = F::template start<A>();
  int taken = 0;
  MIXNET_ON_DEVICE void take(A value) { some = F::template of<A>(some, value); }
  MIXNET_ON_DEVICE void counts(int more) {
    taken += more;
    if (taken >= 32) settle();
  }
  MIXNET_ON_DEVICE void settle() {
    all = F::template join<Wide<A>>(all, static_cast<Wide<A>>(some));
    some = F::template start<A>();
    taken = 0;
  }
};

template <class F, class A, class Finish, class Output>
struct OverAxes {
  using Value = Wide<A>;
  Reduced<A> x;
  Output out;
  Finish made;

  MIXNET_ON_DEVICE static Value start() { return F::template start<Value>(); }
  MIXNET_ON_DEVICE static Value join(Value a, Value b) { return F::template join<Value>(a, b); }
  MIXNET_ON_DEVICE Value over(int64_t row, int64_t first, int64_t step) const {
    Total<F, A> total;
    x.each(row, first, step, [&](const auto& values) {
      for (const A value : values) total.take(value);
      total.counts(static_cast<int>(sizeof values / sizeof(A)));
    });
    total.settle();
    return total.all;
  }
  template <int V> MIXNET_ON_DEVICE void over_rows(int64_t row, int64_t first, int64_t step, Value (&made)[V]) const {
    Total<F, A> totals[V];
    x.template each_row<V>(row, first, step, [&](const A(&values)[V]) {
      MIXNET_UNROLL
      for (int k = 0; k < V; ++k) {
        totals[k].take(values[k]);
        totals[k].counts(1);
      }
    });
    MIXNET_UNROLL
    for (int k = 0; k < V; ++k) {
      totals[k].settle();
      made[k] = totals[k].all;
    }
  }
  MIXNET_ON_DEVICE void finish(int64_t row, Value v) const { out.put(row, made(v, x.places.summed.size)); }
};

template <class F, class Finish, template <class> class Output = SameOutput>
class AxesKernel : public Kernel {
 public:
  AxesKernel(const TensorView& in, const std::vector<bool>& reduced, Finish finish = {})
      : geometry_(in.shape, reduced), plan_(plan_for(geometry_)), finish_(finish) {}
  size_t workspace() const override { return plan_.workspace(); }
  void run(const RunContext& r) const override {
    gpu::dispatch_computed(r.in[0].dtype, [&](auto tag) {
      using A = typename decltype(tag)::type;
      using Fold = typename Folding<F, A>::type;
      using Values = Reduced<A>;
      const OverAxes<Fold, A, Finish, Output<A>> f{Values(r.in[0], geometry_), Output<A>(r.out[0]), finish_};
      const bool neighbours = Values::have_neighbours(r.in[0], geometry_);
      plan_.run<Values::side_by_side>(*r.context.stream, f, r.context.workspace, neighbours);
    });
  }

 private:
  const Geometry geometry_;
  const gpu::Reduction plan_;
  const Finish finish_;
};

}  // namespace mixnet::op::reduction

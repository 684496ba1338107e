// Tables whose rows lie one after the other, as tensors with channels last are: (pixels, channels). A thread has a few neighbouring columns, as many
// as 16 bytes hold, of rows at equal distances, so that threads side by side read one stretch of memory.
//
// What is done with the elements, an object says; what a column has of its own it tells once per thread:
//
//   struct Sum {
//     using Own = float;
//     using Value = double;  // at most 16 bytes
//     MIXNET_ON_DEVICE float own(int64_t column) const;
//     template <int V> MIXNET_ON_DEVICE void add(int64_t at, const float (&own)[V], double (&sums)[V]) const;  // elements at, at + 1, ...
//     MIXNET_ON_DEVICE void finish(int64_t column, double sum) const;  // once per column
//   };
#pragma once
#include <algorithm>
#include <initializer_list>
#include <type_traits>

#include "op/core/gpu/lanes.h"
#include "op/core/gpu/merges.h"

namespace mixnet::gpu {

struct Table {
  int64_t rows, columns;
};

// A thread per part of V columns; `partial` is a table of (part, column).
template <int V, class R>
struct PartialSums {
  R r;
  Table t;
  int64_t parts;
  typename R::Value* partial;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const int64_t across = t.columns / V, part = k / across, column = (k - part * across) * V;
    typename R::Own own[V];
    typename R::Value sums[V] = {};
    for (int i = 0; i < V; ++i) own[i] = r.own(column + i);
    for (int64_t row = part; row < t.rows; row += parts) r.template add<V>(row * t.columns + column, own, sums);
    for (int i = 0; i < V; ++i) partial[part * t.columns + column + i] = sums[i];
  }
};

template <class R>
struct JoinPartialSums {
  R r;
  int64_t columns, parts;
  const typename R::Value* partial;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t column, const G& group) const {
    typename R::Value sum{};
    for (int64_t k = group.rank(); k < parts; k += group.size()) sum = sum + partial[k * columns + column];
    sum = group.reduce(sum, Plus());
    if (group.rank() == 0) r.finish(column, sum);
  }
};

template <int V, class F>
struct OverTable {
  F f;
  Table t;
  int64_t parts;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const int64_t across = t.columns / V, part = k / across, column = (k - part * across) * V;
    typename F::Own own[V];
    for (int i = 0; i < V; ++i) own[i] = f.own(column + i);
    for (int64_t row = part; row < t.rows; row += parts) f.template run<V>(row * t.columns + column, own);
  }
};

// f(V) with as many elements of type T as 16 bytes hold, where rows are made of such pieces and every address is a multiple of 16; else with one.
template <class T, class F>
void with_lanes(const Table& t, std::initializer_list<const void*> addresses, F f) {
  constexpr int most = lanes_of<T>;
  if (t.columns % most == 0 && even(addresses)) f(std::integral_constant<int, most>());
  else f(std::integral_constant<int, 1>());
}

// Sums down the columns. How rows are shared out depends on the extents alone, and so does the order of sums: equal inputs give equal bits.
class ColumnSums {
 public:
  explicit ColumnSums(const Table& t) : t_(t) {
    constexpr int64_t threads = 1 << 16, lanes = 8, least_rows = 16, most_parts = 1 << 12;
    const int64_t across = std::max<int64_t>(1, t.columns / lanes);
    parts_ = std::max<int64_t>(1, std::min({threads / across, t.rows / least_rows, most_parts}));
  }
  size_t workspace() const { return static_cast<size_t>(t_.columns * parts_) * 16; }

  // `addresses` of elements of type T that r reads several of at once. Workspace is free again as soon as the stream has been here.
  template <class T, class R>
  void run(Stream& stream, const R& r, std::initializer_list<const void*> addresses, void* workspace) const {
    using Value = typename R::Value;
    static_assert(sizeof(Value) <= 16, "a value of at most 16 bytes");
    Value* const partial = static_cast<Value*>(workspace);
    with_lanes<T>(t_, addresses, [&](auto lanes) {
      constexpr int V = decltype(lanes)::value;
      map(stream, parts_ * (t_.columns / V), PartialSums<V, R>{r, t_, parts_, partial});
    });
    for_each_row(stream, t_.columns, parts_, JoinPartialSums<R>{r, t_.columns, parts_, partial});
  }

 private:
  Table t_;
  int64_t parts_;
};

// f.run<V>(at, own of the columns) for all elements; `addresses` as above.
template <class T, class F>
void map_table(Stream& stream, const Table& t, const F& f, std::initializer_list<const void*> addresses) {
  // A few rows for each thread, so that what its columns have of their own is read seldom; more when there are threads enough.
  constexpr int64_t threads = 1 << 18, lanes_most = 8, least_rows = 4;
  const int64_t across = std::max<int64_t>(1, t.columns / lanes_most),
                parts = std::min((t.rows + least_rows - 1) / least_rows, std::max<int64_t>(1, threads / across));
  with_lanes<T>(t, addresses, [&](auto lanes) {
    constexpr int V = decltype(lanes)::value;
    map(stream, parts * (t.columns / V), OverTable<V, F>{f, t, parts});
  });
}

}  // namespace mixnet::gpu

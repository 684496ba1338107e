// Reductions on GPUs: a result for each of a table's rows. What the elements are and what is done with them, an object says:
//
//   struct Sum {
//     using Value = double;  // at most 16 bytes
//     const float* x; float* y; int64_t width;
//     MIXNET_ON_DEVICE static Value start() { return 0; }  // over nothing
//     MIXNET_ON_DEVICE Value over(int64_t row, int64_t first, int64_t step) const;  // elements first, first + step, ... of the row
//     MIXNET_ON_DEVICE static Value join(Value a, Value b) { return a + b; }
//     MIXNET_ON_DEVICE void finish(int64_t row, Value v) const { y[row] = v; }  // once per row
//     // The same of rows row, ..., row + V - 1, where a reduction is told that their elements are neighbours.
//     template <int V> MIXNET_ON_DEVICE void over_rows(int64_t row, int64_t first, int64_t step, Value (&made)[V]) const;
//   };
//
// Few long rows are cut into parts, whose values wait in workspace. How depends on the extents alone, and so does the order of joins:
// equal inputs give equal bits.
#pragma once
#include <algorithm>

#include "op/core/gpu/launch.h"

namespace mixnet::gpu {

template <class R>
struct Joined {
  using Value = typename R::Value;
  MIXNET_ON_DEVICE Value operator()(Value a, Value b) const { return R::join(a, b); }
};

// A group per part of a row.
template <class R>
struct RowParts {
  R r;
  int64_t parts;
  typename R::Value* partial;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t k, G group) const {
    const int64_t row = k / parts, members = group.size();
    const auto mine = r.over(row, (k - row * parts) * members + group.rank(), parts * members);
    const auto value = group.reduce(mine, Joined<R>());
    if (group.rank() != 0) return;
    if (parts == 1) r.finish(row, value);
    else partial[k] = value;
  }
};

// A thread per part of a row; neighbours are in neighbouring rows.
template <class R>
struct ColumnParts {
  R r;
  int64_t rows, parts;
  typename R::Value* partial;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const int64_t part = k / rows, row = k - part * rows;
    const auto value = r.over(row, part, parts);
    if (parts == 1) r.finish(row, value);
    else partial[row * parts + part] = value;
  }
};

// A thread per part of V neighbouring rows.
template <int V, class R>
struct NeighbourParts {
  R r;
  int64_t rows, parts;
  typename R::Value* partial;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const int64_t across = rows / V, part = k / across, row = (k - part * across) * V;
    typename R::Value made[V];
    r.template over_rows<V>(row, part, parts, made);
    MIXNET_UNROLL
    for (int i = 0; i < V; ++i) {
      if (parts == 1) r.finish(row + i, made[i]);
      else partial[(row + i) * parts + part] = made[i];
    }
  }
};

template <class R>
struct JoinParts {
  R r;
  int64_t parts;
  const typename R::Value* partial;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t row, G group) const {
    auto mine = R::start();
    for (int64_t k = group.rank(); k < parts; k += group.size()) mine = R::join(mine, partial[row * parts + k]);
    const auto value = group.reduce(mine, Joined<R>());
    if (group.rank() == 0) r.finish(row, value);
  }
};

class Reduction {
 public:
  static constexpr size_t value_bytes = 16;

  // side_by_side: neighbours in memory are elements of neighbouring rows, not of one row.
  Reduction(int64_t rows, int64_t width, bool side_by_side)
      : rows_(rows), width_(width), by_column_(side_by_side || width < 16) {
    const int64_t enough = by_column_ ? 1 << 18 : 1 << 10, least = by_column_ ? 32 : 4096;
    parts_ = std::max<int64_t>(1, std::min({enough / std::max<int64_t>(1, rows), width / least, int64_t{1} << 10}));
  }

  size_t workspace() const { return parts_ > 1 ? static_cast<size_t>(rows_ * parts_) * value_bytes : 0; }

  // Workspace is free again as soon as the stream has been here. `neighbours`: elements of V neighbouring rows are, and rows_ is a multiple of V.
  template <int V = 1, class R>
  void run(Stream& stream, const R& r, void* workspace, bool neighbours = false) const {
    using Value = typename R::Value;
    static_assert(sizeof(Value) <= value_bytes, "a value of at most 16 bytes");
    Value* const partial = static_cast<Value*>(workspace);
    if (V > 1 && neighbours) {
      if constexpr (V > 1) map(stream, rows_ / V * parts_, NeighbourParts<V, R>{r, rows_, parts_, partial});
    } else if (by_column_) {
      map(stream, rows_ * parts_, ColumnParts<R>{r, rows_, parts_, partial});
    } else {
      for_each_row(stream, rows_ * parts_, width_ / parts_, RowParts<R>{r, parts_, partial});
    }
    if (parts_ > 1) for_each_row(stream, rows_, parts_, JoinParts<R>{r, parts_, partial});
  }

 private:
  int64_t rows_, width_, parts_;
  bool by_column_;
};

}  // namespace mixnet::gpu

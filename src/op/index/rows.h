// Rows of a tensor by number, and the way back: data as (outer, n, inner), indices choose along n.
#pragma once
#include <cstring>

#include "op/core/builder.h"
#include "op/index/indices.h"

namespace mixnet::op {

enum class IndexMode { clip, raise, wrap };

struct Rows {
  int64_t outer, n, inner, count;
  Indices index;
  IndexMode mode;

  Rows(const Shape& data, const TensorView& indices, int axis, IndexMode m)
      : outer(data.size(0, axis)),
        n(data[axis]),
        inner(data.size(axis + 1, data.ndim())),
        count(indices.size()),
        index(indices),
        mode(m) {}
  int64_t at(int64_t k) const {
    if (mode == IndexMode::clip) return index.clipped(k, n);
    if (mode == IndexMode::wrap) return index.wrapped(k, n);
    const int64_t i = index[k];
    MIXNET_CHECK(i >= 0 && i < n, invalid, "[take] indices: expected values in [0, ", n, "), got ", i);
    return i;
  }
};

// out (outer, count, inner).
inline void gather_rows(const Rows& s, const TensorView& data, const TensorView& out) {
  if (out.size() == 0) return;
  const int64_t bytes = s.inner * dtype_size(data.dtype);
  parallel_for(s.outer * s.count, std::max<int64_t>(1, 32768 / bytes), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t from = i / s.count * s.n + s.at(i % s.count);
      std::memcpy(out.as<char>() + i * bytes, data.as<char>() + from * bytes, static_cast<size_t>(bytes));
    }
  });
}

// Adds the rows of dy to zeros at where they were taken from. Columns are shared out among threads, so that the sums
// do not depend on their number.
template <class T>
void add_rows(const Rows& s, const T* dy, T* dx) {
  parallel_for(s.outer * s.n * s.inner, 1 << 16,
               [=](int64_t first, int64_t last) { std::fill(dx + first, dx + last, T()); });
  if (s.n == 0) return;
  parallel_for(s.inner, std::max<int64_t>(8, 16384 / std::max<int64_t>(1, s.outer * s.count)),
               [&](int64_t first, int64_t last) {
                 for (int64_t i = 0; i < s.outer * s.count; ++i) {
                   T* to = dx + (i / s.count * s.n + s.at(i % s.count)) * s.inner;
                   const T* from = dy + i * s.inner;
                   for (int64_t c = first; c < last; ++c) to[c] = static_cast<T>(to[c] + from[c]);
                 }
               });
}

}  // namespace mixnet::op

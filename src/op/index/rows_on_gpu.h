// Rows of a tensor by number on GPUs, and the way back; see rows.h.
#pragma once
#include "op/core/gpu/register.h"
#include "op/core/gpu/words.h"
#include "op/core/movement.h"
#include "op/index/by_row.h"
#include "op/index/rows.h"

namespace mixnet::op {

// Indices out of range count as in mode clip unless they wrap, so that no memory but the rows' is touched.
struct RowNumbers {
  Indices index;
  int64_t n;
  bool wrap;
  MIXNET_ON_DEVICE int64_t operator[](int64_t i) const { return wrap ? index.wrapped(i, n) : index.clipped(i, n); }
};

template <class W>
struct GatherRows {
  RowNumbers row;
  int64_t count, inner;
  const W* x;
  W* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t line = i / inner, o = line / count;
    y[i] = x[(o * row.n + row[line - o * count]) * inner + i - line * inner];
  }
};

inline void gather_rows_on_gpu(const RunContext& r, const Rows& s, const TensorView& indices, const TensorView& data) {
  gpu::dispatch_words(dtype_size(data.dtype), [&](auto tag) {
    using W = typename decltype(tag)::type;
    const RowNumbers row{Indices(indices), s.n, s.mode == IndexMode::wrap};
    gpu::map(*r.context.stream, r.out[0].size(), GatherRows<W>{row, s.count, s.inner, data.as<W>(), r.out[0].as<W>()});
  });
}

// Output 0 becomes zeros with the rows of input 0 added at where they were taken from.
inline void add_rows_on_gpu(const RunContext& r, const gpu::PairSort& sort, const Rows& s, const TensorView& indices) {
  set_zero(r.context.stream, r.out[0]);
  if (s.n == 0 || s.count == 0) return;
  const Groups groups = group_by_row(r, sort, RowNumbers{Indices(indices), s.n, s.mode == IndexMode::wrap}, s.n);
  dispatch_all(r.out[0].dtype, "take", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.in[0].size(), SumSlices<T>{groups, s.inner, r.in[0].as<T>(), r.out[0].as<T>()});
  });
}

}  // namespace mixnet::op

// Rows of a tensor by number on GPUs, and the way back; see rows.h.
#pragma once
#include "op/core/gpu/register.h"
#include "op/core/gpu/split.h"
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

// Rows as words.
template <class W>
struct GatherRows {
  RowNumbers row;
  gpu::Split words, lines;  // of a row; of one of the outer parts
  const W* x;
  W* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t line = words.number(i), outer = lines.number(line);
    const int64_t from = outer * row.n + row[line - outer * lines.length()];
    y[i] = x[from * words.length() + i - line * words.length()];
  }
};

inline void gather_rows_on_gpu(const RunContext& r, const Rows& s, const TensorView& indices, const TensorView& data) {
  const TensorView& out = r.out[0];
  const int64_t bytes = s.inner * dtype_size(data.dtype), word = gpu::widest_word({data.data, out.data}, bytes);
  gpu::dispatch_wide_words(word, [&](auto tag) {
    using W = typename decltype(tag)::type;
    const RowNumbers row{Indices(indices), s.n, s.mode == IndexMode::wrap};
    const int64_t words = out.bytes() / word;
    gpu::map(
        *r.context.stream, words,
        GatherRows<W>{row, gpu::Split(bytes / word, words), gpu::Split(s.count, words), data.as<W>(), out.as<W>()});
  });
}

// Output 0 becomes zeros with the rows of input 0 added at where they were taken from.
inline void add_rows_on_gpu(const RunContext& r, const gpu::PairSort& sort, const Rows& s, const TensorView& indices) {
  set_zero(r.context.stream, r.out[0]);
  if (s.n == 0 || s.count == 0) return;
  const Groups groups = group_by_row(r, sort, RowNumbers{Indices(indices), s.n, s.mode == IndexMode::wrap}, s.n);
  dispatch_all(r.out[0].dtype, "take", [&](auto tag) {
    using T = typename decltype(tag)::type;
    sum_slices<T>(*r.context.stream, groups, s.inner, r.in[0], r.out[0]);
  });
}

}  // namespace mixnet::op

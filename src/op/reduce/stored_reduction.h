// Reductions of sparse tensors where zeros add nothing: over everything, or over one axis of a csr matrix.
#pragma once
#include "op/reduce/reduction.h"

namespace mixnet::op::stored_reduction {

enum class Over { all, rows, columns, other };  // rows: along axis 0

template <class P>
Over over(const P& p, bool exclude) {
  if (exclude) return Over::other;
  if (!p.axis || p.axis->ndim() == 0) return Over::all;
  if (p.axis->ndim() != 1) return Over::other;
  const int64_t axis = (*p.axis)[0];
  return axis == 0 || axis == -2 ? Over::rows : axis == 1 || axis == -1 ? Over::columns : Over::other;
}

// The rule: a dense result.
inline bool choose(InferStorage& c, Over what) {
  const bool csr = c.in[0] == StorageKind::csr;
  c.out[0] = StorageKind::dense;
  return csr ? what != Over::other : c.in[0] == StorageKind::row_sparse && what == Over::all;
}

template <class F, class Finish>
void reduce(const TensorView& in, const TensorView& out, Over what, Finish finish) {
  const SparseView& stored = *in.sparse;
  dispatch_all(in.dtype, "reduce", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    using W = reduction::Wide<A>;
    const T* x = stored.as<T>();
    const reduction::Writer<W> y(out);
    auto sum = [&](int64_t first, int64_t last) {
      W total = F::template start<W>();
      for (int64_t k = first; k < last; ++k) total = F::template of<W>(total, static_cast<W>(static_cast<A>(x[k])));
      return total;
    };
    if (what == Over::all) return y.store(y.data, 0, finish(sum(0, stored.count * stored::width(in)), in.shape.size()));
    const int64_t rows = in.shape[0], columns = in.shape[1];
    if (what == Over::columns) {
      for (int64_t i = 0; i < rows; ++i)
        y.store(y.data, i, finish(sum(stored.indptr[i], stored.indptr[i + 1]), columns));
      return;
    }
    std::vector<W> sums(static_cast<size_t>(columns), F::template start<W>());
    for (int64_t k = 0; k < stored.count; ++k) {
      W& s = sums[static_cast<size_t>(stored.indices[k])];
      s = F::template of<W>(s, static_cast<W>(static_cast<A>(x[k])));
    }
    for (int64_t c = 0; c < columns; ++c) y.store(y.data, c, finish(sums[static_cast<size_t>(c)], rows));
  });
}

}  // namespace mixnet::op::stored_reduction

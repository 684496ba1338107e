// Elementwise operators of two tensors of which one or both are sparse.
#pragma once
#include "op/elemwise/binary.h"

namespace mixnet::op::sparse_binary {

// Rules: both of one kind; or a dense one beside a sparse one too.
inline bool same_kinds(InferStorage& c) {
  if (c.in[0] == StorageKind::dense || c.in[0] != c.in[1]) return false;
  c.prefer_out(0, c.in[0]);
  return c.out[0] == c.in[0];
}
inline bool either_kind(InferStorage& c) {
  const StorageKind kind = c.in[0] != StorageKind::dense ? c.in[0] : c.in[1];
  if (kind == StorageKind::dense) return false;
  if (c.in[0] != StorageKind::dense && c.in[1] != StorageKind::dense) return same_kinds(c);
  c.prefer_out(0, kind);
  return c.out[0] == kind;
}

// Two ascending lists of numbers side by side: body(number, place in a or -1, place in b or -1).
template <class Body>
void merge(const int64_t* a, int64_t a_first, int64_t a_last, const int64_t* b, int64_t b_first, int64_t b_last,
           Body body) {
  while (a_first < a_last || b_first < b_last) {
    const bool take_a = a_first < a_last && (b_first == b_last || a[a_first] <= b[b_first]);
    const bool take_b = b_first < b_last && (a_first == a_last || b[b_first] <= a[a_first]);
    body(take_a ? a[a_first] : b[b_first], take_a ? a_first : -1, take_b ? b_first : -1);
    a_first += take_a;
    b_first += take_b;
  }
}

// Both sparse. `Union`: what one stores is kept, the other being zero there; else only what both store.
template <class F, bool Union>
void both(const RunContext& r) {
  const TensorView &x = r.in[0], &y = r.in[1];
  const SparseView &a = *x.sparse, &b = *y.sparse;
  const bool csr = x.kind == StorageKind::csr;
  const int64_t lists = csr ? x.shape[0] : 1, width = stored::width(x);
  auto each = [&](int64_t i, auto body) {
    merge(a.indices, csr ? a.indptr[i] : 0, csr ? a.indptr[i + 1] : a.count, b.indices, csr ? b.indptr[i] : 0,
          csr ? b.indptr[i + 1] : b.count, [&](int64_t number, int64_t p, int64_t q) {
            if (Union || (p >= 0 && q >= 0)) body(number, p, q);
          });
  };
  int64_t count = 0;
  for (int64_t i = 0; i < lists; ++i) each(i, [&](int64_t, int64_t, int64_t) { ++count; });
  const SparseView& to = r.context.memory->sparse(0, count);
  dispatch_all(x.dtype, "elementwise", [&](auto tag) {
    using T = typename decltype(tag)::type;
    int64_t n = 0;
    for (int64_t i = 0; i < lists; ++i) {
      each(i, [&](int64_t number, int64_t p, int64_t q) {
        to.indices[n] = number;
        for (int64_t k = 0; k < width; ++k) {
          const T left = p < 0 ? T() : a.as<T>()[p * width + k], right = q < 0 ? T() : b.as<T>()[q * width + k];
          to.as<T>()[n * width + k] = apply<F>(left, right);
        }
        ++n;
      });
      if (csr) to.indptr[i + 1] = n;
    }
  });
}

// One sparse, the other dense: what the sparse one stores.
template <class F>
void beside_dense(const RunContext& r) {
  const bool first = r.in[0].kind != StorageKind::dense;
  const TensorView &x = r.in[first ? 0 : 1], &dense = r.in[first ? 1 : 0];
  stored::allocate_like(r, 0, x);
  const SparseView &from = *x.sparse, &to = *r.out[0].sparse;
  const int64_t width = stored::width(x);
  dispatch_all(x.dtype, "elementwise", [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto one = [&](int64_t at, int64_t other) {
      const T v = from.as<T>()[at], d = dense.as<T>()[other];
      to.as<T>()[at] = first ? apply<F>(v, d) : apply<F>(d, v);
    };
    if (x.kind == StorageKind::row_sparse) {
      for (int64_t k = 0; k < from.count; ++k) {
        for (int64_t c = 0; c < width; ++c) one(k * width + c, from.indices[k] * width + c);
      }
      return;
    }
    for (int64_t i = 0; i < x.shape[0]; ++i) {
      for (int64_t k = from.indptr[i]; k < from.indptr[i + 1]; ++k) one(k, i * x.shape[1] + from.indices[k]);
    }
  });
}

template <class F, bool Union>
void kernel(const NoParams&, const RunContext& r) {
  if (r.in[0].kind == r.in[1].kind) both<F, Union>(r);
  else beside_dense<F>(r);
}

}  // namespace mixnet::op::sparse_binary

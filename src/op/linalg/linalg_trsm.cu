// _linalg_trmm and _linalg_trsm on GPUs: a thread for every element of a product, and for every line of a system. See linalg_trsm.cc.
#include "op/linalg/linalg_trsm.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/wide.h"
#include "op/linalg/matrices.h"

namespace mixnet::op::linalg_trsm {
namespace {

template <class T>
struct Multiply {
  Params p;
  const T *a, *b;
  T* y;
  int64_t rows, columns, n;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t item = e / (rows * columns), i = e / columns % rows, j = e % columns;
    const Triangle<T> t(p, a + item * n * n, n);
    const T *x = b + item * rows * columns, alpha = static_cast<T>(p.alpha);
    T sum = 0;
    for (int64_t k = 0; k < n; ++k) {
      const int64_t row = p.rightside ? k : i, column = p.rightside ? j : k;
      if (column < t.row_first(row) || column >= t.row_last(row)) continue;
      sum += p.rightside ? alpha * x[i * columns + k] * t.at(k, j) : alpha * t.at(i, k) * x[k * columns + j];
    }
    y[e] = sum;
  }
};

// One column of op(A) X = alpha B, or one row of X op(A) = alpha B, whose elements are `step` apart.
template <class T>
struct Solve {
  Params p;
  const T *a, *b;
  T* y;
  int64_t rows, columns, n;
  MIXNET_ON_DEVICE void operator()(int64_t line) const {
    const int64_t lines = p.rightside ? rows : columns, item = line / lines, own = line % lines;
    const Triangle<T> t(p, a + item * n * n, n);
    const int64_t at = item * rows * columns + (p.rightside ? own * columns : own), step = p.rightside ? 1 : columns;
    // From the right, x op(A) = b is the transposed op(A) times x.
    const bool down = t.lower != p.rightside;
    for (int64_t s = 0; s < n; ++s) {
      const int64_t i = down ? s : n - 1 - s;
      T rest = static_cast<T>(p.alpha) * b[at + i * step];
      for (int64_t q = 0; q < s; ++q) {
        const int64_t k = down ? q : n - 1 - q;
        rest -= (p.rightside ? t.at(k, i) : t.at(i, k)) * y[at + k * step];
      }
      y[at + i * step] = rest / t.at(i, i);
    }
  }
};

template <bool Solves>
void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, Solves ? "linalg_trsm" : "linalg_trmm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices a(r.in[0].shape), b(r.in[1].shape);
    const T *x = r.in[0].as<T>(), *z = r.in[1].as<T>();
    T* y = r.out[0].as<T>();
    if (Solves)
      gpu::map(*r.context.stream, b.count * (p.rightside ? b.rows : b.columns),
               Solve<T>{p, x, z, y, b.rows, b.columns, a.rows});
    else gpu::map(*r.context.stream, r.out[0].size(), Multiply<T>{p, x, z, y, b.rows, b.columns, a.rows});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<Params>(registry, "_linalg_trmm", forward<false>);
  gpu::wide<Params>(registry, "_linalg_trsm", forward<true>);
}

}  // namespace mixnet::op::linalg_trsm

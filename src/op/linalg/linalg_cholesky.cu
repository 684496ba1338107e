// _linalg_potrf and _linalg_potri on GPUs; see linalg_cholesky.cc. A matrix that is not positive definite gives NaN: a kernel cannot throw.
#include <limits>

#include "op/core/gpu/launch.h"
#include "op/core/gpu/wide.h"
#include "op/linalg/cholesky.h"
#include "op/linalg/matrices.h"

namespace mixnet::op::linalg_cholesky {
namespace {

template <class T>
struct Factor {
  const T* a;
  T* l;
  int64_t n;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t item, const G& group) const {
    T* to = l + item * n * n;
    if (cholesky(a + item * n * n, to, n, group)) return;
    for (int64_t e = group.rank(); e < n * n; e += group.size()) to[e] = std::numeric_limits<T>::quiet_NaN();
  }
};
void potrf(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_potrf", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    gpu::for_each_row(*r.context.stream, m.count, m.rows, Factor<T>{r.in[0].as<T>(), r.out[0].as<T>(), m.rows});
  });
}

// One column of W = L^-1.
template <class T>
struct InvertColumn {
  const T* l;
  T* w;
  int64_t n;
  MIXNET_ON_DEVICE void operator()(int64_t line) const {
    const int64_t item = line / n, j = line % n;
    const T* from = l + item * n * n;
    T* to = w + item * n * n;
    for (int64_t i = 0; i < n; ++i) {
      T sum = i == j ? T(1) : T(0);
      for (int64_t k = j; k < i; ++k) sum -= from[i * n + k] * to[k * n + j];
      to[i * n + j] = i < j ? T(0) : sum / from[i * n + i];
    }
  }
};
// W^T W.
template <class T>
struct Square {
  const T* w;
  T* b;
  int64_t n;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t i = e / n % n, j = e % n;
    const T* from = w + e / (n * n) * n * n;
    T sum = 0;
    for (int64_t k = i > j ? i : j; k < n; ++k) sum += from[k * n + i] * from[k * n + j];
    b[e] = sum;
  }
};
void potri(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_potri", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    T* w = static_cast<T*>(r.context.workspace);
    gpu::map(*r.context.stream, m.count * m.rows, InvertColumn<T>{r.in[0].as<T>(), w, m.rows});
    gpu::map(*r.context.stream, r.out[0].size(), Square<T>{w, r.out[0].as<T>(), m.rows});
  });
}
size_t potri_scratch(const PrepareContext& c) { return static_cast<size_t>(c.inputs[0].size()) * sizeof(double); }

template <class T>
struct CopyLower {
  const T* x;
  T* y;
  int64_t n;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t i = e / n % n, j = e % n;
    y[e] = i < j ? x[e - i * n - j + j * n + i] : x[e];
  }
};
void copy_lower(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_copy_lower", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    gpu::map(*r.context.stream, r.out[0].size(), CopyLower<T>{r.in[0].as<T>(), r.out[0].as<T>(), m.rows});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<NoParams>(registry, "_linalg_potrf", potrf);
  gpu::wide<NoParams>(registry, "_linalg_potri", potri, potri_scratch);
  gpu::wide<NoParams>(registry, "_linalg_copy_lower", copy_lower);
}

}  // namespace mixnet::op::linalg_cholesky

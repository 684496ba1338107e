// _linalg_syevd on GPUs, a group of threads per matrix; see linalg_syevd.cc.
#include "op/core/gpu/launch.h"
#include "op/core/gpu/wide.h"
#include "op/linalg/jacobi.h"
#include "op/linalg/matrices.h"

namespace mixnet::op::linalg_syevd {
namespace {

template <class T>
struct Eigenvectors {
  const T* x;
  T *work, *u, *values;
  int64_t n;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t item, const G& group) const {
    const int64_t area = n * n;
    T* own = work + item * 2 * area;
    eigenvectors(x + item * area, own, own + area, u + item * area, values + item * n, n, group);
  }
};
void forward(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_syevd", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    gpu::for_each_row(*r.context.stream, m.count, m.rows,
                      Eigenvectors<T>{r.in[0].as<T>(), static_cast<T*>(r.context.workspace), r.out[0].as<T>(),
                                      r.out[1].as<T>(), m.rows});
  });
}
size_t scratch(const PrepareContext& c) { return static_cast<size_t>(c.inputs[0].size()) * 2 * sizeof(double); }

// (dU, dL, U, L) to the middle matrix of the gradient, of which (i, j) and (j, i) are one number.
template <class T>
struct Middle {
  const T *du, *dl, *u, *l;
  T* y;
  int64_t n;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t item = e / (n * n), one = e / n % n, other = e % n, i = one > other ? one : other,
                  j = one > other ? other : one;
    if (i == j) {
      y[e] = dl[item * n + i];
      return;
    }
    const T *d = du + item * n * n, *v = u + item * n * n, high = l[item * n + i], low = l[item * n + j];
    T sum = 0;
    for (int64_t k = 0; k < n; ++k) sum += d[i * n + k] * v[j * n + k] - d[j * n + k] * v[i * n + k];
    const T size = std::fabs(high) < std::fabs(low) ? std::fabs(low) : std::fabs(high),
            least = std::numeric_limits<T>::epsilon() * size + std::numeric_limits<T>::min(), gap = high - low;
    y[e] = sum / (2 * (gap < least ? least : gap));
  }
};
void middle(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_syevd", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(),
             Middle<T>{r.in[0].as<T>(), r.in[1].as<T>(), r.in[2].as<T>(), r.in[3].as<T>(), r.out[0].as<T>(),
                       r.out[0].shape.back()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<NoParams>(registry, "_linalg_syevd", forward, scratch);
  gpu::wide<NoParams>(registry, "_backward_linalg_syevd", middle);
}

}  // namespace mixnet::op::linalg_syevd

// Diagonals and triangles on GPUs: every element of a matrix knows its place in the vector. See linalg_triangle.cc.
#include "op/linalg/linalg_triangle.h"

#include <cmath>

#include "op/core/gpu/sums.h"
#include "op/core/gpu/wide.h"
#include "op/linalg/matrices.h"

namespace mixnet::op::linalg_triangle {
namespace {

struct Places {
  int64_t n, shift, length;  // extent of the matrix, distance from the diagonal, elements of the vector
  bool triangle, upper;
  Places(const Params& p, bool t, int64_t extent, int64_t elements)
      : n(extent),
        shift(std::abs(p.offset)),
        length(elements),
        triangle(t),
        upper(p.offset > 0 || (t && p.offset == 0 && !p.lower)) {}
  // Of element e of all matrices in all vectors; -1: it has none.
  MIXNET_ON_DEVICE int64_t of(int64_t e) const {
    const int64_t row = e / n % n, column = e % n, i = (upper ? column : row) - shift, j = upper ? row : column;
    if (i < 0 || j > i || (!triangle && j != i)) return -1;
    return e / (n * n) * length + (triangle ? i * (i + 1) / 2 + j : i);
  }
};

template <class T>
struct Extract {
  Places places;
  const T* x;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t k = places.of(e);
    if (k >= 0) y[k] = x[e];
  }
};
template <class T>
struct Make {
  Places places;
  const T* x;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t k = places.of(e);
    y[e] = k >= 0 ? x[k] : static_cast<T>(0.0f);
  }
};

template <bool Triangle>
void extract(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "linalg_extract", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Places places(p, Triangle, r.in[0].shape.back(), r.out[0].shape.back());
    gpu::map(*r.context.stream, r.in[0].size(), Extract<T>{places, r.in[0].as<T>(), r.out[0].as<T>()});
  });
}
template <bool Triangle>
void make(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "linalg_make", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Places places(p, Triangle, r.out[0].shape.back(), r.in[0].shape.back());
    gpu::map(*r.context.stream, r.out[0].size(), Make<T>{places, r.in[0].as<T>(), r.out[0].as<T>()});
  });
}

template <class T>
struct SumLog {
  const T* a;
  T* y;
  int64_t n;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t item, const G& group) const {
    using A = accumulator_t<T>;
    const A sum =
        gpu::sum_of<A>(group, n, [&](int64_t k) { return std::log(static_cast<A>(a[item * n * n + k * (n + 1)])); });
    if (group.rank() == 0) y[item] = static_cast<T>(sum);
  }
};
void sum_log(const NoParams&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "linalg_sumlogdiag", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    gpu::for_each_row(*r.context.stream, m.count, m.rows, SumLog<T>{r.in[0].as<T>(), r.out[0].as<T>(), m.rows});
  });
}

// (dy, A): dy / diagonal on the diagonal.
template <class T>
struct SumLogBackward {
  const T *dy, *a;
  T* dx;
  int64_t n;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    using A = accumulator_t<T>;
    const bool diagonal = e / n % n == e % n;
    dx[e] = static_cast<T>(diagonal ? static_cast<A>(dy[e / (n * n)]) / static_cast<A>(a[e]) : A(0));
  }
};
void sum_log_backward(const NoParams&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "linalg_sumlogdiag", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(),
             SumLogBackward<T>{r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>(), r.in[1].shape.back()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "_linalg_extractdiag", extract<false>);
  gpu::kernel<Params>(registry, "_linalg_extracttrian", extract<true>);
  gpu::kernel<Params>(registry, "_linalg_makediag", make<false>);
  gpu::kernel<Params>(registry, "_linalg_maketrian", make<true>);
  gpu::kernel<NoParams>(registry, "_linalg_sumlogdiag", sum_log);
  gpu::kernel<NoParams>(registry, "_backward_linalg_sumlogdiag", sum_log_backward);
}

}  // namespace mixnet::op::linalg_triangle

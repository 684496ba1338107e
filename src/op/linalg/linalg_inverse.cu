// _linalg_inverse, _linalg_det and _linalg_slogdet on GPUs, a group of threads per matrix; see linalg_inverse.cc. A singular matrix has an
// inverse of NaN: a kernel cannot throw.
#include "op/core/gpu/launch.h"
#include "op/core/gpu/wide.h"
#include "op/linalg/elimination.h"
#include "op/linalg/matrices.h"

namespace mixnet::op::linalg_inverse {
namespace {

// Each matrix is taken apart in workspace.
template <class T>
struct Copy {
  const T* a;
  T* work;
  int64_t n;
  template <class G> MIXNET_ON_DEVICE T* of(int64_t item, const G& group) const {
    T* own = work + item * n * n;
    for (int64_t e = group.rank(); e < n * n; e += group.size()) own[e] = a[item * n * n + e];
    group.wait();
    return own;
  }
};

template <class T>
struct Inverse {
  Copy<T> copy;
  T* b;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t item, const G& group) const {
    const int64_t n = copy.n;
    T* to = b + item * n * n;
    if (invert(copy.of(item, group), to, n, group)) return;
    for (int64_t e = group.rank(); e < n * n; e += group.size()) to[e] = std::numeric_limits<T>::quiet_NaN();
  }
};

template <class T>
struct Determinant {
  Copy<T> copy;
  T *det, *sign, *log;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t item, const G& group) const {
    const SignAndLog<T> d = sign_and_log(copy.of(item, group), copy.n, group);
    if (group.rank() != 0) return;
    if (det) det[item] = d.sign * std::exp(d.log);
    if (sign) sign[item] = d.sign;
    if (log) log[item] = d.log;
  }
};

// Factor times the transposed inverse, 0 for a singular matrix.
template <class T>
struct TimesInverse {
  Copy<T> copy;
  const T* factors;
  T *inverses, *dx;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t item, const G& group) const {
    const int64_t n = copy.n;
    T *inverted = inverses + item * n * n, *to = dx + item * n * n;
    const T factor = invert(copy.of(item, group), inverted, n, group) ? factors[item] : T(0);
    for (int64_t e = group.rank(); e < n * n; e += group.size())
      to[e] = factor == 0 ? T(0) : factor * inverted[e % n * n + e / n];
  }
};

template <class T>
Copy<T> copy_of(const RunContext& r, const TensorView& a) {
  return {a.as<T>(), static_cast<T*>(r.context.workspace), a.shape.back()};
}
// f(tag, number of matrices, their extent).
template <class F>
void for_type(const TensorView& a, F f) {
  dispatch_wide(a.dtype, "linalg_inverse", [&](auto tag) {
    const Matrices m(a.shape);
    f(tag, m.count, m.rows);
  });
}

void inverse(const NoParams&, const RunContext& r) {
  for_type(r.in[0], [&](auto tag, int64_t count, int64_t n) {
    using T = typename decltype(tag)::type;
    gpu::for_each_row(*r.context.stream, count, n, Inverse<T>{copy_of<T>(r, r.in[0]), r.out[0].as<T>()});
  });
}
void det(const NoParams&, const RunContext& r) {
  for_type(r.in[0], [&](auto tag, int64_t count, int64_t n) {
    using T = typename decltype(tag)::type;
    gpu::for_each_row(*r.context.stream, count, n,
                      Determinant<T>{copy_of<T>(r, r.in[0]), r.out[0].as<T>(), nullptr, nullptr});
  });
}
void slogdet(const NoParams&, const RunContext& r) {
  for_type(r.in[0], [&](auto tag, int64_t count, int64_t n) {
    using T = typename decltype(tag)::type;
    gpu::for_each_row(*r.context.stream, count, n,
                      Determinant<T>{copy_of<T>(r, r.in[0]), nullptr, r.out[0].as<T>(), r.out[1].as<T>()});
  });
}
// (factor, A).
void times_inverse(const NoParams&, const RunContext& r) {
  for_type(r.in[1], [&](auto tag, int64_t count, int64_t n) {
    using T = typename decltype(tag)::type;
    const Copy<T> copy = copy_of<T>(r, r.in[1]);
    gpu::for_each_row(*r.context.stream, count, n,
                      TimesInverse<T>{copy, r.in[0].as<T>(), copy.work + count * n * n, r.out[0].as<T>()});
  });
}

template <int input, int copies>
size_t scratch(const PrepareContext& c) {
  return static_cast<size_t>(c.inputs[input].size()) * copies * sizeof(double);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<NoParams>(registry, "_linalg_inverse", inverse, scratch<0, 1>);
  gpu::wide<NoParams>(registry, "_linalg_det", det, scratch<0, 1>);
  gpu::wide<NoParams>(registry, "_linalg_slogdet", slogdet, scratch<0, 1>);
  gpu::wide<NoParams>(registry, "_backward_linalg_det", times_inverse, scratch<1, 2>);
}

}  // namespace mixnet::op::linalg_inverse

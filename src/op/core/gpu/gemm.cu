#include "op/core/gpu/gemm.h"

#include "op/core/gpu/cublaslt.h"
#include "op/core/gpu/product.h"

namespace mixnet::gpu {
namespace {

template <class T>
struct Element {
  const T* data;
  int64_t step, row, column;
  MIXNET_ON_DEVICE accumulator_t<T> operator()(int64_t batch, int64_t i, int64_t j) const {
    return static_cast<accumulator_t<T>>(data[batch * step + i * row + j * column]);
  }
};
template <class T>
Element<T> element(const void* data, int64_t step, int64_t ld, bool transposed) {
  return {static_cast<const T*>(data), step, transposed ? 1 : ld, transposed ? ld : 1};
}

template <class T>
struct Finish {
  using A = accumulator_t<T>;
  A alpha, beta;
  const T *c, *bias;
  T* d;
  int64_t step, ldd;
  MIXNET_ON_DEVICE void operator()(int64_t batch, int64_t i, int64_t j, A sum) const {
    const int64_t at = batch * step + i * ldd + j;
    A y = alpha * sum;
    if (beta != A(0)) y += beta * static_cast<A>(c[at]);
    if (bias) y += static_cast<A>(bias[j]);
    d[at] = static_cast<T>(y);
  }
};

template <class T>
struct SpreadBias {
  const T* bias;
  T* d;
  int64_t m, n, step, ldd;
  MIXNET_ON_DEVICE void operator()(int64_t e) const { d[e / (m * n) * step + e / n % m * ldd + e % n] = bias[e % n]; }
};

void our_gemm(Stream& stream, DType dtype, const Gemm& g) {
  dispatch_float(dtype, "gemm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const Finish<T> finish{static_cast<A>(g.alpha),
                           static_cast<A>(g.beta),
                           static_cast<const T*>(g.c),
                           static_cast<const T*>(g.bias),
                           static_cast<T*>(g.d),
                           g.step_d,
                           g.ldd};
    product<A>(stream, {g.batch, g.m, g.n, g.k, !g.trans_a, g.trans_b}, element<T>(g.a, g.step_a, g.lda, g.trans_a),
               element<T>(g.b, g.step_b, g.ldb, g.trans_b), finish);
  });
}

}  // namespace

void gemm(Stream& stream, DType dtype, const Gemm& g) { gemm(cublaslt(), stream, dtype, g); }

void gemm(CublasLt& library, Stream& stream, DType dtype, const Gemm& g) {
  if (library.gemm(stream, dtype, g)) return;
  // With the bias as its C, it may take what it does not take with a bias.
  Gemm onto = g;
  onto.bias = nullptr;
  onto.c = g.d;
  onto.beta = 1;
  if (!g.bias || g.beta != 0 || !library.takes(stream, dtype, onto)) return our_gemm(stream, dtype, g);
  dispatch_float(dtype, "gemm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    map(stream, g.batch * g.m * g.n,
        SpreadBias<T>{static_cast<const T*>(g.bias), static_cast<T*>(g.d), g.m, g.n, g.step_d, g.ldd});
  });
  if (!library.gemm(stream, dtype, onto)) our_gemm(stream, dtype, onto);
}

}  // namespace mixnet::gpu

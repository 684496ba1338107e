// C = alpha op(A) op(B) + beta C for many matrices, row-major: what gemm.h does on the host, plainly, one thread per element.
#pragma once
#include "op/core/gpu/launch.h"

namespace mixnet::gpu {

// Matrix i of `data` starts at data + i * step; row r of it at r * pitch.
template <class T>
struct Matrices {
  T* data;
  int64_t pitch, step = 0;
};

template <class T>
struct Product {
  bool trans_a, trans_b;
  int64_t m, n, k;
  T alpha;
  Matrices<const T> a, b;
  T beta;
  Matrices<T> c;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t matrix = e / (m * n), i = e / n % m, j = e % n;
    const T *x = a.data + matrix * a.step, *y = b.data + matrix * b.step;
    T sum = 0;
    for (int64_t l = 0; l < k; ++l)
      sum += x[trans_a ? l * a.pitch + i : i * a.pitch + l] * y[trans_b ? j * b.pitch + l : l * b.pitch + j];
    T* at = c.data + matrix * c.step + i * c.pitch + j;
    *at = beta == T(0) ? alpha * sum : alpha * sum + beta * *at;
  }
};

template <class T>
void product(Stream& stream, int64_t count, const Product<T>& p) {
  map(stream, count * p.m * p.n, p);
}

}  // namespace mixnet::gpu

// Products of many matrices that lie at steps from one another: C = alpha op(A) op(B) + beta C, by gemm.h.
#pragma once
#include "op/core/gpu/gemm.h"

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
};

template <class T>
void product(Stream& stream, int64_t count, const Product<T>& p) {
  Gemm g;
  g.trans_a = p.trans_a;
  g.trans_b = p.trans_b;
  g.m = p.m;
  g.n = p.n;
  g.k = p.k;
  g.a = p.a.data;
  g.lda = p.a.pitch;
  g.step_a = p.a.step;
  g.b = p.b.data;
  g.ldb = p.b.pitch;
  g.step_b = p.b.step;
  g.d = p.c.data;
  g.ldd = p.c.pitch;
  g.step_d = p.c.step;
  g.c = p.c.data;
  g.alpha = static_cast<double>(p.alpha);
  g.beta = static_cast<double>(p.beta);
  g.batch = count;
  gemm(stream, dtype_of<T>::value, g);
}

}  // namespace mixnet::gpu

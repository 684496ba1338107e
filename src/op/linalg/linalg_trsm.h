// Parameters of linalg_trmm and linalg_trsm and the triangle that they read, for CPUs and GPUs.
#pragma once
#include "base/on_device.h"
#include "op/core/builder.h"

namespace mixnet::op::linalg_trsm {

struct Params {
  bool transpose = false, rightside = false, lower = true;
  double alpha = 1;
};

// op(A), element by element.
template <class T>
struct Triangle {
  const T* a;
  int64_t n;
  bool transpose, lower;  // lower: of op(A)
  MIXNET_ON_DEVICE Triangle(const Params& p, const T* data, int64_t extent)
      : a(data), n(extent), transpose(p.transpose), lower(p.lower != p.transpose) {}
  MIXNET_ON_DEVICE T at(int64_t i, int64_t j) const { return transpose ? a[j * n + i] : a[i * n + j]; }
  // The elements of row i, and of column j: [first, last).
  MIXNET_ON_DEVICE int64_t row_first(int64_t i) const { return lower ? 0 : i; }
  MIXNET_ON_DEVICE int64_t row_last(int64_t i) const { return lower ? i + 1 : n; }
};

}  // namespace mixnet::op::linalg_trsm

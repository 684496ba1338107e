// Where the operands of a StridedLoop are at an index of its space, for kernels.
#pragma once
#include "base/on_device.h"
#include "op/core/strided_loop.h"

namespace mixnet::gpu {

template <int K>
struct Strided {
  explicit Strided(const StridedLoop<K>& loop) : size(loop.size()), ndim(loop.ndim()) {
    for (int d = 0; d < ndim; ++d) {
      extent[d] = loop.extent(d);
      for (int k = 0; k < K; ++k) stride[k][d] = loop.strides(d)[static_cast<size_t>(k)];
    }
  }

  // In elements, by operand; row-major order of indices.
  MIXNET_ON_DEVICE void at(int64_t index, int64_t (&offset)[K]) const {
    for (int k = 0; k < K; ++k) offset[k] = 0;
    for (int d = ndim - 1; d > 0; --d) {
      const int64_t rest = index / extent[d], here = index - rest * extent[d];
      for (int k = 0; k < K; ++k) offset[k] += here * stride[k][d];
      index = rest;
    }
    // The outermost needs no division: most loops have but one dimension.
    for (int k = 0; k < K && ndim > 0; ++k) offset[k] += index * stride[k][0];
  }

  int64_t size;
  int ndim;
  int64_t extent[Shape::max_ndim], stride[K][Shape::max_ndim];
};

}  // namespace mixnet::gpu

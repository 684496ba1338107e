// Where the operands of a StridedLoop are at an index of its space, for kernels.
#pragma once
#include <cstdlib>

#include "base/on_device.h"
#include "op/core/gpu/divider.h"
#include "op/core/strided_loop.h"

namespace mixnet::gpu {

template <int K>
class Strided {
 public:
  explicit Strided(const StridedLoop<K>& loop) : size(loop.size()), ndim_(loop.ndim()) {
    int64_t reach[K] = {};
    for (int d = 0; d < ndim_; ++d) {
      extent_[d] = loop.extent(d);
      for (int k = 0; k < K; ++k) {
        stride_[k][d] = loop.strides(d)[static_cast<size_t>(k)];
        reach[k] += (extent_[d] - 1) * std::abs(stride_[k][d]);
      }
    }
    short_ = size > 0 && size < Divider::most && *std::max_element(reach, reach + K) < Divider::most;
    for (int d = 0; short_ && d < ndim_; ++d) by_[d] = Divider(extent_[d]);
  }

  // In elements, by operand; row-major order of indices.
  MIXNET_ON_DEVICE void at(int64_t index, int64_t (&offset)[K]) const {
    if (short_) {
      uint32_t sum[K];
      walk(static_cast<uint32_t>(index), [this](uint32_t i, int d) { return by_[d].quotient(i); }, sum);
      for (int k = 0; k < K; ++k) offset[k] = static_cast<int32_t>(sum[k]);
    } else {
      walk(
          static_cast<uint64_t>(index), [this](uint64_t i, int d) { return i / static_cast<uint64_t>(extent_[d]); },
          reinterpret_cast<uint64_t(&)[K]>(offset));
    }
  }

  int64_t size;

 private:
  // Unsigned: backward strides are sums modulo a power of two.
  template <class U, class Quotient>
  MIXNET_ON_DEVICE void walk(U index, Quotient quotient, U (&sum)[K]) const {
    for (int k = 0; k < K; ++k) sum[k] = 0;
    for (int d = ndim_ - 1; d > 0; --d) {
      const U rest = quotient(index, d), here = index - rest * static_cast<U>(extent_[d]);
      for (int k = 0; k < K; ++k) sum[k] += here * static_cast<U>(stride_[k][d]);
      index = rest;
    }
    // The outermost needs no division: most loops have but one dimension.
    for (int k = 0; k < K && ndim_ > 0; ++k) sum[k] += index * static_cast<U>(stride_[k][0]);
  }

  int ndim_;
  bool short_;  // indices and offsets fit in 31 bits
  Divider by_[Shape::max_ndim];
  int64_t extent_[Shape::max_ndim], stride_[K][Shape::max_ndim];
};

}  // namespace mixnet::gpu

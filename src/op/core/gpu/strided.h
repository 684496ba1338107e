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
  explicit Strided(const StridedLoop<K>& loop) : size(loop.size()), last_(std::max(0, loop.ndim() - 1)) {
    int64_t reach[K] = {};
    for (int d = 0; d < loop.ndim(); ++d) {
      const int from = last_ - d;
      extent_[d] = loop.extent(from);
      for (int k = 0; k < K; ++k) {
        const int64_t stride = loop.strides(from)[static_cast<size_t>(k)];
        stride_[k][d] = stride;
        if (d == last_) outer_[k] = stride;
        reach[k] += (extent_[d] - 1) * std::abs(stride);
      }
    }
    short_ = size > 0 && size < Divider::most && *std::max_element(reach, reach + K) < Divider::most;
    for (int d = 0; short_ && d < last_; ++d) by_[d] = Divider(extent_[d]);
  }

  // In elements, by operand; row-major order of indices.
  MIXNET_ON_DEVICE void at(int64_t index, int64_t (&offset)[K]) const {
    if (!short_) return far_at(index, offset);
    // Unsigned: backward strides are sums modulo a power of two. Unrolled, extents and strides are operands and not loads.
    uint32_t rest = static_cast<uint32_t>(index), sum[K] = {};
    MIXNET_UNROLL
    for (int d = 0; d < Shape::max_ndim - 1 && d < last_; ++d) {
      const uint32_t more = by_[d].quotient(rest), here = rest - more * by_[d].divisor();
      for (int k = 0; k < K; ++k) sum[k] += here * static_cast<uint32_t>(stride_[k][d]);
      rest = more;
    }
    // The outermost needs no division: most loops have but one dimension.
    for (int k = 0; k < K; ++k) sum[k] += rest * static_cast<uint32_t>(outer_[k]);
    for (int k = 0; k < K; ++k) offset[k] = static_cast<int32_t>(sum[k]);
  }

  int64_t size;

 private:
  MIXNET_ON_DEVICE void far_at(int64_t index, int64_t (&offset)[K]) const {
    for (int k = 0; k < K; ++k) offset[k] = 0;
#if defined(__CUDA_ARCH__)
#pragma unroll 1
#endif
    for (int d = 0; d < last_; ++d) {
      const int64_t rest = index / extent_[d], here = index - rest * extent_[d];
      for (int k = 0; k < K; ++k) offset[k] += here * stride_[k][d];
      index = rest;
    }
    for (int k = 0; k < K; ++k) offset[k] += index * outer_[k];
  }

  // From the innermost dimension on.
  int last_;
  bool short_;  // indices and offsets fit in 31 bits
  Divider by_[Shape::max_ndim];
  int64_t extent_[Shape::max_ndim], stride_[K][Shape::max_ndim], outer_[K] = {};
};

}  // namespace mixnet::gpu

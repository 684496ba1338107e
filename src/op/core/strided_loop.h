// Walks several tensors of one index space together, each with strides of its own: broadcasting, transposing, slicing.
//
// Strides are in elements; 0 repeats an element, negative ones run backwards. Neighbouring dimensions that every operand crosses without
// a gap are merged, so that the body gets rows as long as possible. Rows are shared out among threads.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "base/shape.h"
#include "base/thread_pool.h"

namespace mixnet {

// Row-major strides of a shape.
inline std::array<int64_t, Shape::max_ndim> row_major_strides(const Shape& shape) {
  std::array<int64_t, Shape::max_ndim> strides{};
  int64_t stride = 1;
  for (int i = shape.ndim() - 1; i >= 0; --i) {
    strides[static_cast<size_t>(i)] = stride;
    stride *= shape[i];
  }
  return strides;
}

template <int K>
class StridedLoop {
 public:
  using Offsets = std::array<int64_t, K>;

  // Dimensions are added from the outermost to the innermost.
  void add(int64_t extent, const Offsets& strides) {
    size_ *= extent;
    if (extent == 1) return;
    if (ndim_ > 0 && joins(extent, strides)) {
      extent_[ndim_ - 1] *= extent;
      stride_[ndim_ - 1] = strides;
      return;
    }
    extent_[ndim_] = extent;
    stride_[ndim_++] = strides;
  }

  int64_t size() const { return size_; }
  // After merging, from the outermost dimension on.
  int ndim() const { return ndim_; }
  int64_t extent(int d) const { return extent_[d]; }
  const Offsets& strides(int d) const { return stride_[d]; }

  // body(offsets, n, strides): one row of n elements; operand k steps by strides[k].
  template <class Body>
  void run(Body body, int64_t grain = 16384) const {
    if (size_ == 0) return;
    if (ndim_ == 0) return body(Offsets{}, int64_t{1}, Offsets{});
    const int inner = ndim_ - 1;
    const int64_t n = extent_[inner], rows = size_ / n;
    if (rows == 1) {
      return parallel_for(n, grain, [&](int64_t first, int64_t last) {
        Offsets at;
        for (int k = 0; k < K; ++k) at[k] = first * stride_[inner][k];
        body(at, last - first, stride_[inner]);
      });
    }
    parallel_for(rows, std::max<int64_t>(1, grain / n), [&](int64_t first, int64_t last) {
      int64_t index[Shape::max_ndim];
      Offsets at{};
      int64_t rest = first;
      for (int d = inner - 1; d >= 0; --d) {
        index[d] = rest % extent_[d];
        rest /= extent_[d];
        for (int k = 0; k < K; ++k) at[k] += index[d] * stride_[d][k];
      }
      for (int64_t row = first; row < last; ++row) {
        body(at, n, stride_[inner]);
        for (int d = inner - 1; d >= 0; --d) {
          for (int k = 0; k < K; ++k) at[k] += stride_[d][k];
          if (++index[d] < extent_[d]) break;
          for (int k = 0; k < K; ++k) at[k] -= extent_[d] * stride_[d][k];
          index[d] = 0;
        }
      }
    });
  }

 private:
  bool joins(int64_t extent, const Offsets& strides) const {
    for (int k = 0; k < K; ++k) {
      if (stride_[ndim_ - 1][k] != strides[k] * extent) return false;
    }
    return true;
  }

  int ndim_ = 0;
  int64_t size_ = 1;
  int64_t extent_[Shape::max_ndim];
  Offsets stride_[Shape::max_ndim];
};

// Copies elements of `item` bytes along a loop of (output, input).
void copy_strided(const StridedLoop<2>& loop, void* output, const void* input, int64_t item);

}  // namespace mixnet

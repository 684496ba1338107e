// The parameters of _contrib_ROIAlign, and where its samples lie.
#pragma once
#include <algorithm>
#include <cmath>

#include "base/on_device.h"
#include "base/shape.h"

namespace mixnet::op::roi_align {

// Those that kernels on any device take along.
struct Sampling {
  double spatial_scale = 1;
  int64_t sample_ratio = -1;
  bool position_sensitive = false, aligned = false;
};
struct Params : Sampling {
  Shape pooled_size;
};

// Where the samples of one axis of a region lie.
template <class T>
struct Axis {
  T start, cell;
  int64_t samples;
  MIXNET_ON_DEVICE Axis(const Sampling& p, T from, T to, int64_t cells, int64_t extent) {
    const T offset = p.aligned ? T(0.5) : T(0), scale = static_cast<T>(p.spatial_scale);
    start = from * scale - offset;
    T length = to * scale - offset - start;
    if (!p.aligned) length = std::max(length, T(1));
    cell = length / static_cast<T>(cells);
    // A region far larger than the image gets no more samples than four per pixel.
    const T wanted = std::ceil(cell), most = static_cast<T>(4 * extent + 4);
    samples = p.sample_ratio > 0 ? p.sample_ratio : wanted > 0 ? static_cast<int64_t>(std::min(wanted, most)) : 0;
  }
  MIXNET_ON_DEVICE T at(int64_t i, int64_t s) const {
    return start + static_cast<T>(i) * cell + (static_cast<T>(s) + T(0.5)) * cell / static_cast<T>(samples);
  }
};

// f(offset in the plane, weight) for the four pixels of a sample.
template <class T, class F>
MIXNET_ON_DEVICE void for_corners(T y, T x, int64_t height, int64_t width, F f) {
  if (!(y >= -1 && y <= static_cast<T>(height) && x >= -1 && x <= static_cast<T>(width))) return;
  auto split = [](T v, int64_t extent, int64_t& low, int64_t& high) {
    v = std::max(v, T(0));
    low = std::min(static_cast<int64_t>(v), extent - 1);
    high = std::min(low + 1, extent - 1);
    return high == low ? T(0) : v - static_cast<T>(low);
  };
  int64_t top, bottom, left, right;
  const T v = split(y, height, top, bottom), h = split(x, width, left, right);
  f(top * width + left, (1 - v) * (1 - h));
  f(top * width + right, (1 - v) * h);
  f(bottom * width + left, v * (1 - h));
  f(bottom * width + right, v * h);
}

}  // namespace mixnet::op::roi_align

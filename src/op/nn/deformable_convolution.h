// Parameters and taps of deformable convolutions, for CPUs and GPUs.
#pragma once
#include <cmath>

#include "base/on_device.h"
#include "op/core/builder.h"
#include "op/nn/window.h"

namespace mixnet::op::deformable_convolution {

enum class Layout { none, ncdhw, nchw, ncw };

struct Params {
  Shape kernel, stride, dilate, pad;
  int64_t num_filter = 0, num_group = 1, num_deformable_group = 1, workspace = 1024, im2col_step = 64;
  bool no_bias = false;
  Layout layout = Layout::none;
  Window window() const { return Window(kernel, stride, dilate, pad); }
};

struct Sizes {
  Window w;
  int64_t n, channels, height, width, rows, columns, taps, groups, filters, deformable;
  Sizes(const Params& p, const Shape& data, const Shape& out)
      : w(p.window()),
        n(data[0]),
        channels(data[1]),
        height(data[2]),
        width(data[3]),
        rows(out[2]),
        columns(out[3]),
        taps(w.kernel[0] * w.kernel[1]),
        groups(p.num_group),
        filters(p.num_filter / p.num_group),
        deformable(p.num_deformable_group) {}
  MIXNET_ON_DEVICE int64_t positions() const { return rows * columns; }
  MIXNET_ON_DEVICE int64_t area() const { return height * width; }
  MIXNET_ON_DEVICE int64_t depth() const { return channels / groups * taps; }
  size_t matrix() const { return static_cast<size_t>(channels * taps * positions()); }
};

// The four pixels around a point, those outside of the image with index -1, and the shares of the lower and the right ones.
// Without modulation nothing lies between the last pixels and the borders: points there read the last pixels.
template <class T>
struct Point {
  int64_t at[4] = {-1, -1, -1, -1};
  T down = 0, right = 0;
  bool inside = false;
  MIXNET_ON_DEVICE Point(T y, T x, const Sizes& s, bool modulated) {
    const T least = modulated ? T(-1) : T(0);
    const bool low = modulated ? y > least && x > least : y >= least && x >= least;
    if (!(low && y < static_cast<T>(s.height) && x < static_cast<T>(s.width))) return;
    inside = true;
    int64_t i = static_cast<int64_t>(std::floor(y)), j = static_cast<int64_t>(std::floor(x));
    down = y - static_cast<T>(i);
    right = x - static_cast<T>(j);
    for (int q = 0; q < 4; ++q) {
      int64_t a = i + q / 2, b = j + q % 2;
      if (!modulated) a = std::min(a, s.height - 1);
      if (!modulated) b = std::min(b, s.width - 1);
      if (a >= 0 && a < s.height && b >= 0 && b < s.width) at[q] = a * s.width + b;
    }
  }
  MIXNET_ON_DEVICE T pixel(const T* plane, int q) const { return at[q] < 0 ? T(0) : plane[at[q]]; }
  MIXNET_ON_DEVICE T weight(int q) const { return (q / 2 ? down : 1 - down) * (q % 2 ? right : 1 - right); }
  MIXNET_ON_DEVICE T value(const T* plane) const {
    T sum = 0;
    for (int q = 0; q < 4; ++q) sum += weight(q) * pixel(plane, q);
    return sum;
  }
  MIXNET_ON_DEVICE T slope_y(const T* v) const {
    return (1 - right) * (pixel(v, 2) - pixel(v, 0)) + right * (pixel(v, 3) - pixel(v, 1));
  }
  MIXNET_ON_DEVICE T slope_x(const T* v) const {
    return (1 - down) * (pixel(v, 1) - pixel(v, 0)) + down * (pixel(v, 3) - pixel(v, 2));
  }
};

// Offsets (and weights) of the taps of one image.
template <class T>
struct Taps {
  Sizes s;
  const T *offset, *mask;
  // Index of tap t of deformable group g at position p in the mask; the offsets' is twice that.
  MIXNET_ON_DEVICE int64_t index(int64_t g, int64_t t, int64_t p) const { return (g * s.taps + t) * s.positions() + p; }
  MIXNET_ON_DEVICE int64_t offset_at(int64_t g, int64_t t, int64_t p, int axis) const {
    return ((g * s.taps + t) * 2 + axis) * s.positions() + p;
  }
  MIXNET_ON_DEVICE Point<T> point(int64_t g, int64_t t, int64_t p) const {
    const int64_t i = t / s.w.kernel[1], j = t % s.w.kernel[1];
    const int64_t y = p / s.columns * s.w.stride[0] - s.w.pad[0] + i * s.w.dilate[0];
    const int64_t x = p % s.columns * s.w.stride[1] - s.w.pad[1] + j * s.w.dilate[1];
    return Point<T>(static_cast<T>(y) + offset[offset_at(g, t, p, 0)],
                    static_cast<T>(x) + offset[offset_at(g, t, p, 1)], s, mask != nullptr);
  }
};

template <class T>
Taps<T> taps_of(const Sizes& s, bool modulated, const TensorView& offset, const TensorView* mask, int64_t n) {
  const int64_t each = s.deformable * s.taps * s.positions();
  return {s, offset.as<T>() + n * 2 * each, modulated ? mask->as<T>() + n * each : nullptr};
}

}  // namespace mixnet::op::deformable_convolution

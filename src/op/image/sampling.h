// Bilinear sampling of images at the points of a grid, and affine grids: what BilinearSampler, GridGenerator and SpatialTransformer share.
//
// A grid is (N, 2, h, w): x, then y, from -1 at the first pixel's centre to 1 at the last one's. Outside the image everything is 0.
#pragma once
#include <cmath>

#include "op/core/on_host.h"
#include "op/core/wide.h"

namespace mixnet::op {

// The four pixels around a point with their weights; pixels outside the image have index -1.
template <class T>
struct Corners {
  int64_t at[4] = {-1, -1, -1, -1};
  T wx = 0, wy = 0;  // share of the right and of the lower pixels

  MIXNET_ON_DEVICE Corners(T x, T y, int64_t height, int64_t width) {
    const T px = (x + 1) * static_cast<T>(width - 1) / 2, py = (y + 1) * static_cast<T>(height - 1) / 2;
    if (!(px > -1 && px < static_cast<T>(width) && py > -1 && py < static_cast<T>(height))) return;
    const int64_t left = static_cast<int64_t>(std::floor(px)), top = static_cast<int64_t>(std::floor(py));
    wx = px - static_cast<T>(left);
    wy = py - static_cast<T>(top);
    for (int k = 0; k < 4; ++k) {
      const int64_t i = top + k / 2, j = left + k % 2;
      if (i >= 0 && i < height && j >= 0 && j < width) at[k] = i * width + j;
    }
  }
  MIXNET_ON_DEVICE T weight(int k) const { return (k % 2 ? wx : 1 - wx) * (k / 2 ? wy : 1 - wy); }
  MIXNET_ON_DEVICE T value(const T* plane, int k) const { return at[k] < 0 ? T(0) : plane[at[k]]; }
};

// One point of one image, all channels.
template <class T>
struct SamplePoint {
  const T *data, *grid;
  T* out;
  int64_t channels, height, width, points;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const int64_t n = k / points, p = k % points, area = height * width;
    const Corners<T> c(grid[n * 2 * points + p], grid[(n * 2 + 1) * points + p], height, width);
    for (int64_t channel = n * channels; channel < (n + 1) * channels; ++channel) {
      const T* plane = data + channel * area;
      T sum = 0;
      for (int q = 0; q < 4; ++q) sum += c.weight(q) * c.value(plane, q);
      out[channel * points + p] = sum;
    }
  }
};
// data (N, C, H, W) at grid (N, 2, h, w) to out (N, C, h, w).
template <class Place, class T>
void sample_bilinear(const RunContext& r, const TensorView& data, const T* grid, const TensorView& out) {
  const Shape &s = data.shape, &o = out.shape;
  const int64_t points = o[2] * o[3];
  Place::each(r, s[0] * points, 256, SamplePoint<T>{data.as<T>(), grid, out.as<T>(), s[1], s[2], s[3], points});
}

// theta (N, 6) to grid (N, 2, h, w): the points of the target, transformed. One pixel stands in the middle.
MIXNET_ON_DEVICE inline double grid_point(int64_t i, int64_t extent) {
  return extent > 1 ? -1 + 2 * static_cast<double>(i) / static_cast<double>(extent - 1) : 0;
}
template <class T>
struct AffinePoint {
  const T* theta;
  T* grid;
  int64_t height, width;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t n = e / (height * width), p = e % (height * width);
    const T* row = theta + n * 3;
    const T x = static_cast<T>(grid_point(p % width, width)), y = static_cast<T>(grid_point(p / width, height));
    grid[e] = row[0] * x + row[1] * y + row[2];
  }
};
template <class Place, class T>
void affine_grid(const RunContext& r, const T* theta, int64_t count, int64_t height, int64_t width, T* grid) {
  Place::each(r, count * 2 * height * width, 8192, AffinePoint<T>{theta, grid, height, width});
}

}  // namespace mixnet::op

// Bilinear sampling of images at the points of a grid, and affine grids: what BilinearSampler, GridGenerator and SpatialTransformer share.
//
// A grid is (N, 2, h, w): x, then y, from -1 at the first pixel's centre to 1 at the last one's. Outside the image everything is 0.
#pragma once
#include <cmath>

#include "op/core/wide.h"

namespace mixnet::op {

// The four pixels around a point with their weights; pixels outside the image have index -1.
template <class T>
struct Corners {
  int64_t at[4] = {-1, -1, -1, -1};
  T wx = 0, wy = 0;  // share of the right and of the lower pixels

  Corners(T x, T y, int64_t height, int64_t width) {
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
  T weight(int k) const { return (k % 2 ? wx : 1 - wx) * (k / 2 ? wy : 1 - wy); }
  T value(const T* plane, int k) const { return at[k] < 0 ? T(0) : plane[at[k]]; }
};

// data (N, C, H, W) at grid (N, 2, h, w) to out (N, C, h, w).
template <class T>
void sample_bilinear(const TensorView& data, const T* grid, const TensorView& out) {
  const Shape &s = data.shape, &o = out.shape;
  const int64_t points = o[2] * o[3], area = s[2] * s[3], channels = s[1];
  parallel_for(s[0] * points, 256, [&](int64_t first, int64_t last) {
    for (int64_t k = first; k < last; ++k) {
      const int64_t n = k / points, p = k % points;
      const Corners<T> c(grid[n * 2 * points + p], grid[(n * 2 + 1) * points + p], s[2], s[3]);
      for (int64_t channel = n * channels; channel < (n + 1) * channels; ++channel) {
        const T* plane = data.as<T>() + channel * area;
        T sum = 0;
        for (int q = 0; q < 4; ++q) sum += c.weight(q) * c.value(plane, q);
        out.as<T>()[channel * points + p] = sum;
      }
    }
  });
}

// theta (N, 6) to grid (N, 2, h, w): the points of the target, transformed. One pixel stands in the middle.
inline double grid_point(int64_t i, int64_t extent) {
  return extent > 1 ? -1 + 2 * static_cast<double>(i) / static_cast<double>(extent - 1) : 0;
}
template <class T>
void affine_grid(const T* theta, int64_t count, int64_t height, int64_t width, T* grid) {
  const int64_t points = height * width;
  for (int64_t n = 0; n < count * 2; ++n) {
    const T* row = theta + n * 3;
    parallel_for(points, 8192, [&](int64_t first, int64_t last) {
      for (int64_t p = first; p < last; ++p) {
        const T x = static_cast<T>(grid_point(p % width, width)), y = static_cast<T>(grid_point(p / width, height));
        grid[n * points + p] = row[0] * x + row[1] * y + row[2];
      }
    });
  }
}

}  // namespace mixnet::op

// The parameters of ROIPooling, and the largest element of a cell.
#pragma once
#include <algorithm>
#include <cmath>

#include "base/on_device.h"
#include "base/shape.h"

namespace mixnet::op::roi_pooling {

struct Params {
  Shape pooled_size;
  double spatial_scale = 1;
};

// Rounds a coordinate; what no image has room for is clipped so that the sums below stay whole numbers.
MIXNET_ON_DEVICE inline int64_t rounded(double v) {
  return static_cast<int64_t>(std::round(std::min(1e9, std::max(-1e9, v == v ? v : 0.0))));
}

// A region with its grid, in pixels of data.
template <class T>
struct Region {
  int64_t x, y, columns;
  T cell_h, cell_w;
  MIXNET_ON_DEVICE Region(double spatial_scale, int64_t grid_rows, int64_t grid_columns, const T* roi)
      : columns(grid_columns) {
    const T scale = static_cast<T>(spatial_scale);
    x = rounded(roi[1] * scale);
    y = rounded(roi[2] * scale);
    const int64_t x2 = rounded(roi[3] * scale), y2 = rounded(roi[4] * scale);
    cell_h = static_cast<T>(std::max<int64_t>(1, y2 - y + 1)) / static_cast<T>(grid_rows);
    cell_w = static_cast<T>(std::max<int64_t>(1, x2 - x + 1)) / static_cast<T>(grid_columns);
  }
  // Offset in the image's plane, -1 where the cell is empty.
  MIXNET_ON_DEVICE int64_t largest(const T* plane, int64_t height, int64_t width, int64_t cell) const {
    const int64_t i = cell / columns, j = cell % columns;
    auto within = [](int64_t v, int64_t limit) { return std::min(std::max<int64_t>(v, 0), limit); };
    const int64_t top = within(y + static_cast<int64_t>(std::floor(static_cast<T>(i) * cell_h)), height);
    const int64_t bottom = within(y + static_cast<int64_t>(std::ceil(static_cast<T>(i + 1) * cell_h)), height);
    const int64_t left = within(x + static_cast<int64_t>(std::floor(static_cast<T>(j) * cell_w)), width);
    const int64_t right = within(x + static_cast<int64_t>(std::ceil(static_cast<T>(j + 1) * cell_w)), width);
    int64_t best = -1;
    for (int64_t row = top; row < bottom; ++row) {
      for (int64_t column = left; column < right; ++column) {
        if (best < 0 || plane[row * width + column] > plane[best]) best = row * width + column;
      }
    }
    return best;
  }
};

// The region's image, -1 where there is none.
template <class T>
MIXNET_ON_DEVICE int64_t image_of(const T* roi, int64_t images) {
  return roi[0] >= 0 && roi[0] < static_cast<T>(images) ? static_cast<int64_t>(roi[0]) : -1;
}

}  // namespace mixnet::op::roi_pooling

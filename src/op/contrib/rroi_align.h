// The parameters of _contrib_RROIAlign, and the average of a cell.
#pragma once
#include <algorithm>
#include <cmath>

#include "base/on_device.h"
#include "base/shape.h"

namespace mixnet::op::rroi_align {

struct Params {
  Shape pooled_size;
  double spatial_scale = 1;
  int64_t sampling_ratio = -1;
};

// What of the parameters goes along to any device.
struct Grid {
  int64_t rows, columns, sampling_ratio;
  double spatial_scale;
};

// Bilinear value; 0 further than a pixel outside of the image.
template <class T>
MIXNET_ON_DEVICE T value_at(const T* plane, T y, T x, int64_t height, int64_t width) {
  if (!(y >= -1 && y <= static_cast<T>(height) && x >= -1 && x <= static_cast<T>(width))) return T(0);
  y = std::min(std::max(y, T(0)), static_cast<T>(height - 1));
  x = std::min(std::max(x, T(0)), static_cast<T>(width - 1));
  const int64_t top = static_cast<int64_t>(y), left = static_cast<int64_t>(x);
  const int64_t bottom = std::min(top + 1, height - 1), right = std::min(left + 1, width - 1);
  const T v = y - static_cast<T>(top), h = x - static_cast<T>(left);
  return (1 - v) * ((1 - h) * plane[top * width + left] + h * plane[top * width + right]) +
         v * ((1 - h) * plane[bottom * width + left] + h * plane[bottom * width + right]);
}

// A region: its centre, extents and turn, in pixels of data.
template <class T>
struct Region {
  T x, y, width, height, cosine, sine;
  int64_t rows, columns;  // samples of a cell
  Grid grid;
  int64_t data_height, data_width;
  MIXNET_ON_DEVICE Region(const Grid& p, const T* roi, int64_t image_height, int64_t image_width)
      : grid(p), data_height(image_height), data_width(image_width) {
    const T scale = static_cast<T>(p.spatial_scale), angle = roi[5] * static_cast<T>(3.14159265358979323846 / 180);
    x = roi[1] * scale;
    y = roi[2] * scale;
    width = std::max(roi[3] * scale, T(1));
    height = std::max(roi[4] * scale, T(1));
    cosine = std::cos(angle);
    sine = std::sin(angle);
    // A region far larger than the image gets no more samples than four per pixel.
    auto samples = [&](T length, int64_t cells, int64_t extent) {
      if (p.sampling_ratio > 0) return p.sampling_ratio;
      const T wanted = std::ceil(length / static_cast<T>(cells));
      return wanted > 0 ? static_cast<int64_t>(std::min(wanted, static_cast<T>(4 * extent + 4))) : int64_t{0};
    };
    const int64_t extent = std::max(data_height, data_width);
    rows = samples(height, p.rows, extent);
    columns = samples(width, p.columns, extent);
  }
  MIXNET_ON_DEVICE T cell(const T* plane, int64_t number) const {
    const int64_t i = number / grid.columns, j = number % grid.columns;
    const T h = height / static_cast<T>(grid.rows), w = width / static_cast<T>(grid.columns);
    T sum = 0;
    for (int64_t s = 0; s < rows * columns; ++s) {
      const T dy = (static_cast<T>(i) + (static_cast<T>(s / columns) + T(0.5)) / static_cast<T>(rows)) * h - height / 2;
      const T dx =
          (static_cast<T>(j) + (static_cast<T>(s % columns) + T(0.5)) / static_cast<T>(columns)) * w - width / 2;
      sum += value_at(plane, dy * cosine - dx * sine + y, dx * cosine + dy * sine + x, data_height, data_width);
    }
    return sum / static_cast<T>(std::max<int64_t>(1, rows * columns));
  }
};

}  // namespace mixnet::op::rroi_align

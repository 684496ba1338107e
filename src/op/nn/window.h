// The geometry of a sliding window: kernel, stride, dilation and padding over one to three spatial axes.
#pragma once
#include "op/core/infer.h"

namespace mixnet::op {

struct Window {
  int dims = 0;  // spatial axes
  int64_t kernel[3] = {1, 1, 1}, stride[3] = {1, 1, 1}, dilate[3] = {1, 1, 1}, pad[3] = {0, 0, 0};

  // Empty tuples mean 1 (stride, dilation) or 0 (padding). Throws Code::invalid when lengths differ.
  Window(const Shape& k, const Shape& s, const Shape& d, const Shape& p) : dims(k.ndim()) {
    MIXNET_CHECK(dims >= 1 && dims <= 3, invalid, "kernel: expected 1 to 3 numbers, got ", k);
    // The limits keep products of all three axes, and sums with any extent, within int64.
    auto fill = [this](const Shape& from, int64_t* to, const char* name, int64_t least, int64_t most) {
      MIXNET_CHECK(from.ndim() == 0 || from.ndim() == dims, invalid, name, ": expected ", dims, " numbers, got ", from);
      for (int i = 0; i < from.ndim(); ++i) {
        MIXNET_CHECK(from[i] >= least && from[i] <= most, invalid, name, ": expected values in [", least, ", ", most, "], got ", from);
        to[i] = from[i];
      }
    };
    fill(k, kernel, "kernel", 1, 1 << 20);
    fill(s, stride, "stride", 1, 1 << 30);
    fill(d, dilate, "dilate", 1, 1 << 20);
    fill(p, pad, "pad", 0, 1 << 30);
  }
  int64_t reach(int i) const { return dilate[i] * (kernel[i] - 1) + 1; }
  // Positions along axis i of an input of this extent; 0 or less when the window does not fit.
  int64_t positions(int i, int64_t extent) const {
    const int64_t room = extent + 2 * pad[i] - reach(i);
    return room < 0 ? 0 : room / stride[i] + 1;
  }
  int64_t volume() const { return kernel[0] * kernel[1] * kernel[2]; }
};

// One image (channels, spatial extents padded to three) as a matrix of (channels * volume) x positions, and back.
struct Image {
  int64_t channels = 1, in[3] = {1, 1, 1}, out[3] = {1, 1, 1};
  int64_t in_size() const { return in[0] * in[1] * in[2]; }
  int64_t out_size() const { return out[0] * out[1] * out[2]; }
};

template <class T, bool Scatter, class Move>
void walk_columns(const Image& m, const Window& w, Move move) {
  int64_t row = 0;
  for (int64_t c = 0; c < m.channels; ++c) {
    for (int64_t a = 0; a < w.kernel[0]; ++a) {
      for (int64_t b = 0; b < w.kernel[1]; ++b) {
        for (int64_t d = 0; d < w.kernel[2]; ++d, ++row) {
          for (int64_t x = 0; x < m.out[0]; ++x) {
            const int64_t i = x * w.stride[0] - w.pad[0] + a * w.dilate[0];
            for (int64_t y = 0; y < m.out[1]; ++y) {
              const int64_t j = y * w.stride[1] - w.pad[1] + b * w.dilate[1];
              const bool inside = i >= 0 && i < m.in[0] && j >= 0 && j < m.in[1];
              move(row, (x * m.out[1] + y) * m.out[2], inside ? ((c * m.in[0] + i) * m.in[1] + j) * m.in[2] : -1, d * w.dilate[2] - w.pad[2]);
            }
          }
        }
      }
    }
  }
}

template <class T>
void image_to_columns(const Image& m, const Window& w, const T* image, T* columns) {
  const int64_t width = m.out_size(), n = m.out[2], extent = m.in[2], step = w.stride[2];
  walk_columns<T, false>(m, w, [=](int64_t row, int64_t column, int64_t line, int64_t shift) {
    T* to = columns + row * width + column;
    for (int64_t z = 0; z < n; ++z) {
      const int64_t k = z * step + shift;
      to[z] = line >= 0 && k >= 0 && k < extent ? image[line + k] : T(0);
    }
  });
}

// Adds; the caller has cleared the image.
template <class T>
void columns_to_image(const Image& m, const Window& w, const T* columns, T* image) {
  const int64_t width = m.out_size(), n = m.out[2], extent = m.in[2], step = w.stride[2];
  walk_columns<T, true>(m, w, [=](int64_t row, int64_t column, int64_t line, int64_t shift) {
    if (line < 0) return;
    const T* from = columns + row * width + column;
    for (int64_t z = 0; z < n; ++z) {
      const int64_t k = z * step + shift;
      if (k >= 0 && k < extent) image[line + k] += from[z];
    }
  });
}

}  // namespace mixnet::op

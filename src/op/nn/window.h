// The geometry of a sliding window: kernel, stride, dilation and padding over one to three spatial axes.
#pragma once
#include <algorithm>
#include <cstring>

#include "base/on_device.h"
#include "base/thread_pool.h"
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
        MIXNET_CHECK(from[i] >= least && from[i] <= most, invalid, name, ": expected values in [", least, ", ", most,
                     "], got ", from);
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
  MIXNET_ON_DEVICE int64_t volume() const { return kernel[0] * kernel[1] * kernel[2]; }
};

// One image (channels, spatial extents padded to three) as a matrix of (channels * volume) x positions, and back.
struct Image {
  int64_t channels = 1, in[3] = {1, 1, 1}, out[3] = {1, 1, 1};
  MIXNET_ON_DEVICE int64_t in_size() const { return in[0] * in[1] * in[2]; }
  MIXNET_ON_DEVICE int64_t out_size() const { return out[0] * out[1] * out[2]; }
};

// A block of that matrix: the rows of channels [first, last), the columns of positions [begin, end).
struct ColumnBlock {
  int64_t first, last, begin, end;
  int64_t width() const { return end - begin; }
};

// A piece of one output line, z in [from, to), as it lies at a column of the block in the row of a channel's tap; z in
// [low, high) read the image at line + z * stride, the others padding.
struct Piece {
  int64_t tap, column, line, from, to, low, high;
};

// move(piece) for all that channel c has in the block.
template <class Move>
void walk_channel(const Image& m, const Window& w, const ColumnBlock& b, int64_t c, Move move) {
  if (b.width() == 0) return;
  const int64_t n = m.out[2], step = w.stride[2];
  const int64_t first_z = b.begin % n, first_y = b.begin / n % m.out[1], first_x = b.begin / n / m.out[1];
  for (int64_t tap = 0; tap < w.volume(); ++tap) {
    const int64_t di = tap / (w.kernel[1] * w.kernel[2]), dj = tap / w.kernel[2] % w.kernel[1], dk = tap % w.kernel[2];
    const int64_t shift = dk * w.dilate[2] - w.pad[2];
    const int64_t low = shift < 0 ? (step - 1 - shift) / step : 0;
    const int64_t high = shift < m.in[2] ? (m.in[2] - shift + step - 1) / step : 0;
    int64_t x = first_x, y = first_y, z = first_z;
    for (int64_t at = 0; at < b.width(); z = 0) {
      const int64_t to = std::min(n, z + b.width() - at), i = x * w.stride[0] - w.pad[0] + di * w.dilate[0];
      const int64_t j = y * w.stride[1] - w.pad[1] + dj * w.dilate[1];
      const bool inside = i >= 0 && i < m.in[0] && j >= 0 && j < m.in[1];
      const int64_t begin = inside ? std::min(to, std::max(z, low)) : to;
      const int64_t line = ((c * m.in[0] + i) * m.in[1] + j) * m.in[2] + shift;
      move(Piece{tap, at, line, z, to, begin, std::max(begin, std::min(to, high))});
      at += to - z;
      if (++y == m.out[1]) {
        y = 0;
        ++x;
      }
    }
  }
}

template <class F>
void for_channels(const Window& w, const ColumnBlock& b, F f) {
  const int64_t grain = std::max<int64_t>(1, 65536 / std::max<int64_t>(1, w.volume() * b.width()));
  parallel_for(b.last - b.first, grain, [&](int64_t first, int64_t last) {
    for (int64_t c = b.first + first; c < b.first + last; ++c) f(c);
  });
}

// Lines and paddings are short: no calls of memcpy and memset for them.
template <class T>
void copy_line(const T* from, int64_t n, T* to) {
  constexpr int64_t lanes = 32 / static_cast<int64_t>(sizeof(T)), half = lanes / 2;
  if (n < half) {
    for (int64_t i = 0; i < std::min(n, half); ++i) to[i] = from[i];
    return;
  }
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) std::memcpy(to + i, from + i, 32);
  if (i + half <= n) std::memcpy(to + i, from + i, 16);
  if (i < n) std::memcpy(to + n - half, from + n - half, 16);
}
template <class T>
void clear_line(T* to, int64_t n) {
  if (n > 0) to[0] = T(0);
  if (n > 1) std::fill_n(to + 1, n - 1, T(0));
}

template <class T>
void image_to_columns(const Image& m, const Window& w, const ColumnBlock& b, const T* image, T* columns) {
  const int64_t step = w.stride[2];
  for_channels(w, b, [&](int64_t c) {
    T* rows = columns + (c - b.first) * w.volume() * b.width();
    walk_channel(m, w, b, c, [=](const Piece& p) {
      T* out = rows + p.tap * b.width() + p.column - p.from;
      clear_line(out + p.from, p.low - p.from);
      if (step == 1) {
        copy_line(image + p.line + p.low, p.high - p.low, out + p.low);
      } else {
        for (int64_t z = p.low; z < p.high; ++z) out[z] = image[p.line + z * step];
      }
      clear_line(out + p.high, p.to - p.high);
    });
  });
}

// Adds; the caller has cleared the image.
template <class T>
void columns_to_image(const Image& m, const Window& w, const ColumnBlock& b, const T* columns, T* image) {
  const int64_t step = w.stride[2];
  for_channels(w, b, [&](int64_t c) {
    const T* rows = columns + (c - b.first) * w.volume() * b.width();
    walk_channel(m, w, b, c, [=](const Piece& p) {
      const T* in = rows + p.tap * b.width() + p.column + p.low - p.from;
      if (step == 1) {
        for (int64_t z = p.low; z < p.high; ++z) image[p.line + z] += *in++;
      } else {
        for (int64_t z = p.low; z < p.high; ++z) image[p.line + z * step] += *in++;
      }
    });
  });
}

// The whole matrix.
template <class T>
void image_to_columns(const Image& m, const Window& w, const T* image, T* columns) {
  image_to_columns(m, w, {0, m.channels, 0, m.out_size()}, image, columns);
}
template <class T>
void columns_to_image(const Image& m, const Window& w, const T* columns, T* image) {
  columns_to_image(m, w, {0, m.channels, 0, m.out_size()}, columns, image);
}

}  // namespace mixnet::op

// Rows are filtered horizontally when they are first needed, into a small ring, and then mixed vertically. Sums have so many fractional bits as fit
// 16 bits with the filter's overshoot: the results are within one of those in floating point.
#include "codec/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "codec/filter_row.h"

namespace mixnet {
namespace {

void check(const ImageView& image, int64_t height, int64_t width) {
  MIXNET_CHECK(!image.empty(), invalid, "[resize] image: expected pixels, got ", image.height, " by ", image.width);
  MIXNET_CHECK(height > 0 && width > 0, invalid, "[resize] expected extents above 0, got ", height, " by ", width);
  MIXNET_CHECK(image.channels == 1 || image.channels == 3 || image.channels == 4, unsupported,
               "[resize] expected 1, 3 or 4 channels, got ", image.channels);
}

template <class Pixel>
void pick(const FilterTaps& columns, const uint8_t* from, uint8_t* to) {
  for (const int32_t x : columns.first) {
    std::memcpy(to, from + x * static_cast<int64_t>(sizeof(Pixel)), sizeof(Pixel));
    to += sizeof(Pixel);
  }
}

void resize_nearest(const ImageView& from, const Box& box, Image* to) {
  using Three = uint8_t[3];
  const FilterTaps rows = filter_taps(from.height, {box.top, box.height}, to->height(), Interpolation::nearest, false);
  const FilterTaps columns = filter_taps(from.width, {box.left, box.width}, to->width(), Interpolation::nearest, false);
  for (int64_t y = 0; y < to->height(); ++y) {
    const int32_t source = rows.first[static_cast<size_t>(y)];
    if (y > 0 && source == rows.first[static_cast<size_t>(y - 1)]) {
      std::memcpy(to->row(y), to->row(y - 1), static_cast<size_t>(to->stride()));
      continue;
    }
    switch (from.channels) {
      case 1: pick<uint8_t>(columns, from.row(source), to->row(y)); break;
      case 3: pick<Three>(columns, from.row(source), to->row(y)); break;
      default: pick<uint32_t>(columns, from.row(source), to->row(y));
    }
  }
}

// Few taps: 16 bits are enough for the sums, which lose the half of a bit each.
template <int count>
void mix(const int16_t* const* rows, const int16_t* weights, int bits, int64_t n, uint8_t* to) {
  const int shift = bits + FilterTaps::bits - 15, half = 1 << (shift - 1);
  const int16_t* row[count];
  std::copy(rows, rows + count, row);
  for (int64_t i = 0; i < n; ++i) {
    int16_t sum = 0;
    for (int t = 0; t < count; ++t) {
      sum = static_cast<int16_t>(sum + static_cast<int16_t>(((row[t][i] * weights[t] >> 14) + 1) >> 1));
    }
    const auto value = static_cast<int16_t>(static_cast<int16_t>(sum + half) >> shift);
    to[i] = static_cast<uint8_t>(std::clamp<int16_t>(value, 0, 255));
  }
}

void mix_many(const int16_t* const* rows, const int16_t* weights, int count, int bits, int64_t n, uint8_t* to) {
  constexpr int64_t piece = 512;
  const int shift = bits + FilterTaps::bits;
  for (int64_t begin = 0; begin < n; begin += piece) {
    const int64_t length = std::min(piece, n - begin);
    int32_t sum[piece];
    std::fill_n(sum, length, 1 << (shift - 1));
    for (int t = 0; t < count; ++t) {
      const int16_t* row = rows[t] + begin;
      const int32_t weight = weights[t];
      for (int64_t i = 0; i < length; ++i) sum[i] += row[i] * weight;
    }
    for (int64_t i = 0; i < length; ++i) to[begin + i] = static_cast<uint8_t>(std::clamp(sum[i] >> shift, 0, 255));
  }
}

// Rows of the source, filtered horizontally: as many as a row of the result needs.
class Ring {
 public:
  Ring(const ImageView& from, const FilterTaps& columns, int size, int bits)
      : from_(from),
        columns_(columns),
        bits_(bits),
        stride_(static_cast<int64_t>(columns.first.size()) * from.channels + 16),
        held_(static_cast<size_t>(size), -1),
        rows_(new int16_t[static_cast<size_t>(size * stride_)]) {}

  const int16_t* row(int64_t y) {
    y = std::clamp(y, int64_t{0}, from_.height - 1);
    const auto slot = static_cast<size_t>(y) % held_.size();
    int16_t* row = rows_.get() + static_cast<int64_t>(slot) * stride_;
    if (held_[slot] != y) {
      filter_row(columns_, from_.row(y), from_.width, static_cast<int>(from_.channels), bits_, row);
      held_[slot] = y;
    }
    return row;
  }

 private:
  const ImageView from_;
  const FilterTaps& columns_;
  const int bits_;
  const int64_t stride_;
  std::vector<int64_t> held_;
  std::unique_ptr<int16_t[]> rows_;
};

void resize_filtered(const ImageView& from, const Box& box, Interpolation interpolation, Image* to) {
  const auto height = static_cast<double>(to->height()), width = static_cast<double>(to->width());
  const bool shrinks = height <= box.height && width <= box.width;
  const FilterTaps rows = filter_taps(from.height, {box.top, box.height}, to->height(), interpolation, shrinks);
  const FilterTaps columns = filter_taps(from.width, {box.left, box.width}, to->width(), interpolation, shrinks);
  const int bits = interpolation == Interpolation::lanczos4 ? 5 : interpolation == Interpolation::bicubic ? 6 : 7;
  Ring ring(from, columns, rows.count, bits);
  std::vector<const int16_t*> sources(static_cast<size_t>(rows.count));
  for (int64_t y = 0; y < to->height(); ++y) {
    const int16_t* weights = rows.weights(y);
    int used = rows.count;
    while (used > 1 && weights[used - 1] == 0) --used;
    for (int t = 0; t < used; ++t) sources[static_cast<size_t>(t)] = ring.row(rows.first[static_cast<size_t>(y)] + t);
    switch (used) {
      case 1: mix<1>(sources.data(), weights, bits, to->stride(), to->row(y)); break;
      case 2: mix<2>(sources.data(), weights, bits, to->stride(), to->row(y)); break;
      case 3: mix<3>(sources.data(), weights, bits, to->stride(), to->row(y)); break;
      case 4: mix<4>(sources.data(), weights, bits, to->stride(), to->row(y)); break;
      default: mix_many(sources.data(), weights, used, bits, to->stride(), to->row(y));
    }
  }
}

bool is_whole(const ImageView& image, const Box& box) {
  return box.top == 0 && box.left == 0 && box.height == static_cast<double>(image.height) &&
         box.width == static_cast<double>(image.width);
}

void check_box(const Box& box) {
  for (const double v : {box.top, box.left, box.height, box.width}) {
    MIXNET_CHECK(std::abs(v) <= 1e6, invalid, "[resize] box: expected numbers up to 1e6, got ", v);
  }
  MIXNET_CHECK(box.height > 0 && box.width > 0, invalid, "[resize] box: expected extents above 0, got ", box.height,
               " by ", box.width);
}

}  // namespace

Image resize_box(const ImageView& image, const Box& box, int64_t height, int64_t width, Interpolation interpolation) {
  check(image, height, width);
  check_box(box);
  Image result(height, width, image.channels);
  if (height == image.height && width == image.width && is_whole(image, box)) {
    for (int64_t y = 0; y < height; ++y) {
      std::memcpy(result.row(y), image.row(y), static_cast<size_t>(result.stride()));
    }
    return result;
  }
  if (interpolation == Interpolation::automatic) interpolation = automatic_for(box.height, box.width, {height, width});
  if (interpolation == Interpolation::nearest) resize_nearest(image, box, &result);
  else resize_filtered(image, box, interpolation, &result);
  return result;
}

Image resize(const ImageView& image, int64_t height, int64_t width, Interpolation interpolation) {
  const Box whole{0, 0, static_cast<double>(image.height), static_cast<double>(image.width)};
  check(image, height, width);
  return resize_box(image, whole, height, width, interpolation);
}

Interpolation automatic_for(double height, double width, const Extents& to) {
  const auto h = static_cast<double>(to.height), w = static_cast<double>(to.width);
  if (h > height && w > width) return Interpolation::bicubic;
  if (h < height && w < width) return Interpolation::area;
  return Interpolation::bilinear;
}

Extents resized_short(int64_t height, int64_t width, int64_t side) {
  if (height > width) return {side * height / width, side};
  return {side, side * width / height};
}

}  // namespace mixnet

// Columns outside are looked up in a table made once; rows outside are copies of finished ones.
#include "codec/border.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace mixnet {
namespace {

// The pixel of 0 .. n - 1 that stands for `i`, which may be outside.
int64_t inside(int64_t i, int64_t n, Border border) {
  const auto modulo = [](int64_t a, int64_t b) { return (a % b + b) % b; };
  switch (border) {
    case Border::reflect: i = modulo(i, 2 * n); return i < n ? i : 2 * n - 1 - i;
    case Border::wrap: return modulo(i, n);
    case Border::reflect_101:
      if (n == 1) return 0;
      i = modulo(i, 2 * n - 2);
      return i < n ? i : 2 * n - 2 - i;
    default: return std::clamp(i, int64_t{0}, n - 1);
  }
}

void fill(uint8_t* to, int64_t pixels, int64_t channels, const PixelValue& value) {
  for (int64_t i = 0; i < pixels; ++i) std::memcpy(to + i * channels, value.data(), static_cast<size_t>(channels));
}

void copy_pixels(const uint8_t* row, const std::vector<int64_t>& from, int64_t channels, uint8_t* to) {
  for (const int64_t x : from) {
    std::memcpy(to, row + x * channels, static_cast<size_t>(channels));
    to += channels;
  }
}

}  // namespace

Image add_border(const ImageView& image, const BorderWidths& w, Border border, const PixelValue& value) {
  MIXNET_CHECK(!image.empty(), invalid, "[add_border] image: expected pixels, got ", image.height, " by ", image.width);
  for (const int64_t width : {w.top, w.bottom, w.left, w.right}) {
    MIXNET_CHECK(width >= 0 && width <= max_image_side, invalid, "[add_border] expected widths of 0 to ",
                 max_image_side, ", got ", width);
  }
  const int64_t channels = image.channels;
  Image result(image.height + w.top + w.bottom, image.width + w.left + w.right, channels);
  std::vector<int64_t> left, right;
  for (int64_t x = -w.left; x < 0; ++x) left.push_back(inside(x, image.width, border));
  for (int64_t x = 0; x < w.right; ++x) right.push_back(inside(image.width + x, image.width, border));
  for (int64_t y = 0; y < result.height(); ++y) {
    uint8_t* row = result.row(y);
    const int64_t source = inside(y - w.top, image.height, border);
    if (border == Border::constant) {
      if (y < w.top || y >= w.top + image.height) {
        fill(row, result.width(), channels, value);
        continue;
      }
      fill(row, w.left, channels, value);
      fill(row + (w.left + image.width) * channels, w.right, channels, value);
    } else {
      copy_pixels(image.row(source), left, channels, row);
      copy_pixels(image.row(source), right, channels, row + (w.left + image.width) * channels);
    }
    std::memcpy(row + w.left * channels, image.row(source), static_cast<size_t>(image.width * channels));
  }
  return result;
}

}  // namespace mixnet

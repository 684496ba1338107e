// Images with a border around them.
#pragma once
#include <array>

#include "codec/image.h"

namespace mixnet {

// What stands beyond the pixels `abcd`; the numbers are those of MXNet's copyMakeBorder.
enum class Border {
  constant = 0,     // kkkk|abcd|kkkk
  replicate = 1,    // aaaa|abcd|dddd
  reflect = 2,      // dcba|abcd|dcba
  wrap = 3,         // abcd|abcd|abcd
  reflect_101 = 4,  // edcb|abcde|dcba
};

// Pixels wide, 0 or more.
struct BorderWidths {
  int64_t top = 0, bottom = 0, left = 0, right = 0;
};

// The value of each channel of a constant border.
using PixelValue = std::array<uint8_t, 4>;
inline PixelValue grey_pixel(uint8_t value) { return {value, value, value, value}; }

// Throws Code::invalid for an empty image or negative widths.
Image add_border(const ImageView& image, const BorderWidths& widths, Border border, const PixelValue& value = {});

}  // namespace mixnet

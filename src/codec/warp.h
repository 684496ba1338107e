// Images turned, sheared and scaled by an affine map.
#pragma once
#include "codec/border.h"
#include "codec/resize.h"

namespace mixnet {

// (x, y) goes to (a x + b y + c, d x + e y + f); whole numbers are centres of pixels.
struct Affine {
  double a = 1, b = 0, c = 0, d = 0, e = 1, f = 0;
  double determinant() const { return a * e - b * d; }
};

// Throws Code::invalid for a map that flattens.
Affine inverse(const Affine& map);

// The part `wanted` of the picture that `map` makes of the image; it may lie anywhere, and pixels from outside of the image have `value`. Places are
// rounded to 1/32 of a pixel, as OpenCV does; area means bilinear. Costs taps times pixels wanted. Throws Code::invalid.
Image warp(const ImageView& image, const Affine& map, const Region& wanted, Interpolation interpolation,
           const PixelValue& value);

}  // namespace mixnet

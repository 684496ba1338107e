// Images of other sizes.
#pragma once
#include "codec/image.h"

namespace mixnet {

// The numbers are those of MXNet's and OpenCV's `interp`.
enum class Interpolation {
  nearest = 0,
  bilinear = 1,
  bicubic = 2,
  area = 3,
  lanczos4 = 4,
  automatic = 9,  // area to smaller sizes, bicubic to larger ones, bilinear where one side grows and the other shrinks
};

// Throws Code::invalid for an empty image or extents below 1.
Image resize(const ImageView& image, int64_t height, int64_t width, Interpolation interpolation);

// A rectangle of an image, in fractions of pixels.
struct Box {
  double top, left, height, width;
};

// As many pixels that show a box; what of it lies outside of the image shows the image's edge. `automatic` sees the box's extents. A part of a larger
// resized picture is got in this way, without the rest. Throws Code::invalid.
Image resize_box(const ImageView& image, const Box& box, int64_t height, int64_t width, Interpolation interpolation);

// The extents whose shorter side is `side`, with the same aspect, as MXNet's resize_short rounds them.
struct Extents {
  int64_t height, width;
};
Extents resized_short(int64_t height, int64_t width, int64_t side);

// What `automatic` means where the first extents become the second.
Interpolation automatic_for(double height, double width, const Extents& to);

}  // namespace mixnet

// EXIF's eight ways to turn a picture.
#pragma once
#include "codec/image.h"

namespace mixnet::codec {

// Pixel (y, x) of the turned picture is the stored one's (x, y) if swapped, else (y, x), counted from the other end where flipped.
struct Orientation {
  bool swapped, flipped_y, flipped_x;

  explicit Orientation(int exif)
      : swapped(exif > 4),
        flipped_y(exif == 3 || exif == 4 || exif == 6 || exif == 7),
        flipped_x(exif == 2 || exif == 3 || exif == 7 || exif == 8) {}

  bool none() const { return !swapped && !flipped_y && !flipped_x; }
  // The part of the stored picture, of height by width pixels, that becomes a part of the turned one.
  Region stored(const Region& turned, int64_t height, int64_t width) const;
  Image turn(const ImageView& stored) const;
};

}  // namespace mixnet::codec

#include "codec/orientation.h"

#include <utility>

namespace mixnet::codec {

Region Orientation::stored(const Region& turned, int64_t height, int64_t width) const {
  Region r = turned;
  if (swapped) std::swap(r.top, r.left), std::swap(r.height, r.width);
  if (flipped_y) r.top = height - r.top - r.height;
  if (flipped_x) r.left = width - r.left - r.width;
  return r;
}

Image Orientation::turn(const ImageView& stored) const {
  Image out(swapped ? stored.width : stored.height, swapped ? stored.height : stored.width, stored.channels);
  const int64_t channels = stored.channels;
  const int64_t down = flipped_y ? -stored.stride : stored.stride, right = flipped_x ? -channels : channels;
  const uint8_t* corner = stored.row(flipped_y ? stored.height - 1 : 0) + (flipped_x ? stored.width - 1 : 0) * channels;
  const int64_t row_step = swapped ? right : down, pixel_step = swapped ? down : right;
  for (int64_t y = 0; y < out.height(); ++y) {
    uint8_t* to = out.row(y);
    for (int64_t x = 0; x < out.width(); ++x) {
      const uint8_t* from = corner + y * row_step + x * pixel_step;
      for (int64_t c = 0; c < channels; ++c) *to++ = from[c];
    }
  }
  return out;
}

}  // namespace mixnet::codec

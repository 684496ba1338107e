// Images of 8 bits a channel: rows of pixels, pixels of channels. Three channels are red, green, blue, everywhere in the library.
#pragma once
#include <cstdint>
#include <memory>

#include "base/error.h"

namespace mixnet {

// Pixels that somebody else owns; a piece of an image is a view with the same stride.
struct ImageView {
  const uint8_t* data = nullptr;
  int64_t height = 0, width = 0, channels = 0;
  int64_t stride = 0;  // bytes from one row to the next

  const uint8_t* row(int64_t y) const { return data + y * stride; }
  bool empty() const { return height == 0 || width == 0; }
};

// A rectangle of pixels.
struct Region {
  int64_t top = 0, left = 0, height = 0, width = 0;
};

constexpr int64_t max_image_side = 65500;               // JPEG's limit
constexpr int64_t max_image_pixels = int64_t{1} << 28;  // larger ones are refused before memory is taken

class Image {
 public:
  Image() = default;
  // Pixels without values. Throws Code::invalid for extents below 0 or above the limits.
  Image(int64_t height, int64_t width, int64_t channels) : height_(height), width_(width), channels_(channels) {
    MIXNET_CHECK(height >= 0 && width >= 0 && height <= max_image_side && width <= max_image_side, invalid,
                 "expected images of at most ", max_image_side, " by ", max_image_side, " pixels, got ", height, " by ",
                 width);
    MIXNET_CHECK(height * width <= max_image_pixels, invalid, "expected images of at most ", max_image_pixels,
                 " pixels, got ", height, " by ", width);
    pixels_.reset(new uint8_t[static_cast<size_t>(bytes())]);
  }

  int64_t height() const { return height_; }
  int64_t width() const { return width_; }
  int64_t channels() const { return channels_; }
  int64_t stride() const { return width_ * channels_; }
  int64_t bytes() const { return height_ * stride(); }
  uint8_t* data() { return pixels_.get(); }
  const uint8_t* data() const { return pixels_.get(); }
  uint8_t* row(int64_t y) { return data() + y * stride(); }

  ImageView view() const { return {data(), height_, width_, channels_, stride()}; }
  operator ImageView() const { return view(); }

 private:
  int64_t height_ = 0, width_ = 0, channels_ = 0;
  std::unique_ptr<uint8_t[]> pixels_;
};

// A piece of an image, which must lie inside.
inline ImageView piece(const ImageView& image, const Region& r) {
  return {image.row(r.top) + r.left * image.channels, r.height, r.width, image.channels, image.stride};
}

}  // namespace mixnet

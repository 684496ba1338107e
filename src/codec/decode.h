// JPEG and PNG files to pixels.
//
// libjpeg-turbo and libpng do the work, in a library of their own that is opened at first use (codec/plugin.h): what has no images needs neither. Any
// thread. Everything throws Code::io for bytes that are no image, or a broken one, and Code::unsupported where the codecs are missing; never silently a
// picture that is partly grey.
#pragma once
#include <vector>

#include "base/span.h"
#include "codec/image.h"

namespace mixnet {

enum class ImageFormat { jpeg, png };

// What the header says.
struct ImageInfo {
  ImageFormat format = ImageFormat::jpeg;
  int64_t height = 0, width = 0;
  int64_t channels = 0;  // as stored: 1 grey, 3 colour, 4 with alpha
  int orientation = 1;   // EXIF, 1 to 8
};

// Extents are those that decode_image gives with the same `orient`. Needs no codecs.
ImageInfo image_info(Span<const uint8_t> file, bool orient = false);

struct DecodeRequest {
  int64_t channels = 3;  // 1, 3 or 4; 0: as stored
  bool orient = false;   // turn the picture as JPEG's EXIF says; MXNet does not
  // The part of the picture that is wanted; without rows the whole. Its pixels are those of the whole picture.
  Region region = {};
  // The region may be made smaller while it is decoded (by 1/8 to 7/8, where that saves time), as long as its shorter side keeps so many pixels;
  // 0: full size.
  int64_t shorter_side = 0;
};

Image decode_image(Span<const uint8_t> file, const DecodeRequest& request = {});

// 1 or 3 channels; quality 1 to 100.
std::vector<uint8_t> encode_jpeg(const ImageView& image, int quality = 95);
// 1, 3 or 4 channels; compression 0 to 9.
std::vector<uint8_t> encode_png(const ImageView& image, int compression = 3);

}  // namespace mixnet

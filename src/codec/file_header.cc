#include "codec/file_header.h"

#include <utility>

namespace mixnet {
namespace codec {

ImageInfo stored_header(Span<const uint8_t> file) {
  MIXNET_CHECK(!file.empty(), io, "[image] expected a JPEG or PNG file, got no bytes");
  const bool png = file[0] == 0x89;
  MIXNET_CHECK(png || file[0] == 0xFF, io, "[image] expected a JPEG or PNG file, got other bytes");
  const ImageInfo info = png ? png_header(file) : jpeg_header(file);
  MIXNET_CHECK(info.height > 0 && info.width > 0, io, "[image] expected pixels, got a picture of ", info.height, " by ",
               info.width);
  MIXNET_CHECK(
      info.height <= max_image_side && info.width <= max_image_side && info.height * info.width <= max_image_pixels, io,
      "[image] expected at most ", max_image_pixels, " pixels and sides of at most ", max_image_side,
      ", got a picture of ", info.height, " by ", info.width);
  return info;
}

}  // namespace codec

ImageInfo image_info(Span<const uint8_t> file, bool orient) {
  ImageInfo info = codec::stored_header(file);
  if (orient && info.orientation > 4) std::swap(info.height, info.width);
  return info;
}

}  // namespace mixnet

#include <exception>

#include "codec/codecs.h"
#include "codec/decode.h"

namespace mixnet {
namespace {

using codec::EncodeJob;

int32_t append(void* to, const uint8_t* bytes, int64_t size) {
  try {
    auto& file = *static_cast<std::vector<uint8_t>*>(to);
    file.insert(file.end(), bytes, bytes + size);
    return 0;
  } catch (const std::exception&) {
    return 1;
  }
}

std::vector<uint8_t> encode(int32_t (*function)(const EncodeJob*, char*), const char* format, const ImageView& image,
                            int level) {
  MIXNET_CHECK(!image.empty() && image.height <= max_image_side && image.width <= max_image_side, invalid, "[image] ",
               format, ": expected sides of 1 to ", max_image_side, " pixels, got ", image.height, " by ", image.width);
  std::vector<uint8_t> file;
  const EncodeJob job{image.data, image.height, image.width, image.channels, image.stride, level, append, &file};
  char text[codec::text_size] = "";
  codec::check(function(&job, text), format, text);
  return file;
}

}  // namespace

std::vector<uint8_t> encode_jpeg(const ImageView& image, int quality) {
  MIXNET_CHECK(image.channels == 1 || image.channels == 3, invalid,
               "[encode_jpeg] image: expected 1 or 3 channels, got ", image.channels);
  MIXNET_CHECK(quality >= 1 && quality <= 100, invalid, "[encode_jpeg] quality: expected 1 to 100, got ", quality);
  return encode(codec::codecs().encode_jpeg, "JPEG", image, quality);
}

std::vector<uint8_t> encode_png(const ImageView& image, int compression) {
  MIXNET_CHECK(image.channels == 1 || image.channels == 3 || image.channels == 4, invalid,
               "[encode_png] image: expected 1, 3 or 4 channels, got ", image.channels);
  MIXNET_CHECK(compression >= 0 && compression <= 9, invalid, "[encode_png] compression: expected 0 to 9, got ",
               compression);
  return encode(codec::codecs().encode_png, "PNG", image, compression);
}

}  // namespace mixnet

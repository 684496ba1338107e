#include "codec/decode.h"

#include <algorithm>

#include "codec/codecs.h"
#include "codec/file_header.h"
#include "codec/orientation.h"

namespace mixnet {
namespace {

using codec::DecodeJob;
using codec::Orientation;

constexpr int whole = 8;  // eighths

const char* name_of(ImageFormat format) { return format == ImageFormat::jpeg ? "JPEG" : "PNG"; }

int64_t scaled(int64_t extent, int eighths) { return (extent * eighths + whole - 1) / whole; }

// Where a part's edge lies in the smaller picture; the picture's own edge stays its edge.
int64_t scaled_edge(int64_t at, int64_t extent, int eighths) {
  return at == extent ? scaled(extent, eighths) : (at * eighths + whole / 2) / whole;
}

Region scaled_part(const Region& r, const ImageInfo& info, int eighths) {
  const int64_t top = scaled_edge(r.top, info.height, eighths), left = scaled_edge(r.left, info.width, eighths);
  return {top, left, scaled_edge(r.top + r.height, info.height, eighths) - top,
          scaled_edge(r.left + r.width, info.width, eighths) - left};
}

// The smallest picture whose part still has its pixels. libjpeg-turbo has fast transforms for these sizes alone.
int eighths_for(const Region& part, const ImageInfo& info, int64_t shorter_side) {
  if (info.format != ImageFormat::jpeg || shorter_side <= 0) return whole;
  for (const int eighths : {1, 2, 4}) {
    const Region r = scaled_part(part, info, eighths);
    if (std::min(r.height, r.width) >= shorter_side) return eighths;
  }
  return whole;
}

// The part that is wanted, in the picture as it is stored.
Region stored_part(const DecodeRequest& request, const ImageInfo& info, const Orientation& orientation) {
  const Region& r = request.region;
  if (r.height == 0) return {0, 0, info.height, info.width};
  const int64_t height = orientation.swapped ? info.width : info.height;
  const int64_t width = orientation.swapped ? info.height : info.width;
  MIXNET_CHECK(r.top >= 0 && r.left >= 0 && r.height > 0 && r.width > 0 && r.top <= height - r.height &&
                   r.left <= width - r.width,
               invalid, "[decode_image] region: expected a part of the ", height, " by ", width, " pixels, got ",
               r.height, " by ", r.width, " at row ", r.top, ", column ", r.left);
  return orientation.stored(r, info.height, info.width);
}

Image with_alpha(const Image& colours) {
  Image out(colours.height(), colours.width(), 4);
  const uint8_t* from = colours.data();
  uint8_t* to = out.data();
  for (int64_t i = 0; i < colours.height() * colours.width(); ++i, from += 3, to += 4) {
    std::copy(from, from + 3, to);
    to[3] = 255;
  }
  return out;
}

}  // namespace

Image decode_image(Span<const uint8_t> file, const DecodeRequest& request) {
  MIXNET_CHECK(request.channels == 0 || request.channels == 1 || request.channels == 3 || request.channels == 4,
               invalid, "[decode_image] channels: expected 0, 1, 3 or 4, got ", request.channels);
  const ImageInfo info = codec::stored_header(file);
  const bool jpeg = info.format == ImageFormat::jpeg;
  const int64_t channels = request.channels == 0 ? info.channels : request.channels;
  const Orientation orientation(request.orient ? info.orientation : 1);
  const Region wanted = stored_part(request, info, orientation);
  const int eighths = eighths_for(wanted, info, request.shorter_side);
  const Region part = scaled_part(wanted, info, eighths);
  const codec::Plugin& codecs = codec::codecs();
  Image image(part.height, part.width, jpeg && channels == 4 ? 3 : channels);
  const DecodeJob job{file.data(),  static_cast<int64_t>(file.size()),
                      info.height,  info.width,
                      part.top,     part.left,
                      part.height,  part.width,
                      eighths,      static_cast<int32_t>(image.channels()),
                      image.data(), image.stride()};
  char text[codec::text_size] = "";
  codec::check((jpeg ? codecs.decode_jpeg : codecs.decode_png)(&job, text), name_of(info.format), text);
  if (image.channels() != channels) image = with_alpha(image);
  return orientation.none() ? std::move(image) : orientation.turn(image);
}

}  // namespace mixnet

// Images as tensors: (height, width, channels) of bytes.
#pragma once
#include <algorithm>
#include <cstring>

#include "codec/decode.h"
#include "op/core/builder.h"

namespace mixnet::op {

inline ImageView image_of(const TensorView& v) {
  const Shape& s = v.shape;
  return {v.as<uint8_t>(), s[0], s[1], s[2], s[1] * s[2]};
}

inline Span<const uint8_t> bytes_of(const TensorView& v) { return {v.as<uint8_t>(), static_cast<size_t>(v.size())}; }

inline void expect_bytes(InferType& c, int input) {
  c.set_in(input, DType::u8);
  c.set_out(0, DType::u8);
}

// Red and blue change places, in images of three channels or four.
inline void swap_red_and_blue(uint8_t* pixels, int64_t count, int64_t channels) {
  for (int64_t i = 0; i < count; ++i, pixels += channels) std::swap(pixels[0], pixels[2]);
}

// The output of an operator that learns its image's extents while it runs.
inline void set_late_image(const RunContext& r, Image image, bool to_rgb) {
  if (!to_rgb && image.channels() >= 3)
    swap_red_and_blue(image.data(), image.height() * image.width(), image.channels());
  const TensorView out = r.context.memory->dense(0, Shape{image.height(), image.width(), image.channels()});
  std::memcpy(out.data, image.data(), static_cast<size_t>(image.bytes()));
}

// What MXNet's operators that decode have in common.
struct DecodeParams {
  int64_t flag = 1;
  bool to_rgb = true;
  bool orient = false;

  Image decode(Span<const uint8_t> file) const {
    DecodeRequest request;
    request.channels = flag == 0 ? 1 : 3;
    if (flag < 0) request.channels = 0;
    request.orient = orient;
    return decode_image(file, request);
  }
};

template <class P>
void add_decode_params(OpBuilder<P>& op) {
  op.param("flag", &P::flag).range(-1, 1).doc("1: three channels; 0: one, grey; -1: as the file has them, with alpha.");
  op.param("to_rgb", &P::to_rgb).doc("Channels are red, green, blue; otherwise blue, green, red.");
  op.param("orient", &P::orient).doc("Turn the picture as JPEG's EXIF says; MXNet does not.");
}

}  // namespace mixnet::op

// What JPEG and PNG files say of themselves before their pixels: read here, from a few bytes, without the codecs.
//
// Costs no memory and a walk over the markers or chunks before the pixels. What is accepted may still turn out broken when it is decoded; what is
// refused never reaches a codec: other bytes, extents above the limits, more pixels than so many bytes can hold.
#pragma once
#include "base/span.h"
#include "codec/decode.h"

namespace mixnet::codec {

// As the picture is stored; `orientation` (JPEG's EXIF only) says how it is to be turned. Throws Code::io.
ImageInfo stored_header(Span<const uint8_t> file);
ImageInfo jpeg_header(Span<const uint8_t> file);
ImageInfo png_header(Span<const uint8_t> file);

// From the bytes of an APP1 segment: 1 to 8, 1 where it says nothing that can be used.
int exif_orientation(Span<const uint8_t> segment);

}  // namespace mixnet::codec

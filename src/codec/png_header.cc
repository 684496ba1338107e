// PNG: eight bytes, then chunks (length of 32 bits, name, bytes, checksum); IHDR is the first, pixels are in IDAT.
#include <cstring>

#include "codec/file_header.h"

namespace mixnet::codec {
namespace {

constexpr uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr size_t first_chunk = sizeof signature, around = 12, header_bytes = 13;  // around: length, name and checksum
constexpr int64_t most_inflation = 1032;                                          // deflate's

enum Colour { grey = 0, rgb = 2, palette = 3, grey_alpha = 4, rgb_alpha = 6 };

uint32_t number32(const uint8_t* p) { return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3]; }
bool named(const uint8_t* chunk, const char* name) { return std::memcmp(chunk + 4, name, 4) == 0; }

// Whether a chunk tRNS comes before the pixels.
bool has_transparency(Span<const uint8_t> file) {
  for (size_t at = first_chunk; at + around <= file.size();) {
    const uint8_t* chunk = file.data() + at;
    if (named(chunk, "IDAT")) return false;
    if (named(chunk, "tRNS")) return true;
    at += around + number32(chunk);
  }
  return false;
}

int64_t samples(int colour) { return colour == rgb ? 3 : colour == rgb_alpha ? 4 : colour == grey_alpha ? 2 : 1; }

}  // namespace

ImageInfo png_header(Span<const uint8_t> file) {
  MIXNET_CHECK(file.size() >= sizeof signature && std::memcmp(file.data(), signature, sizeof signature) == 0, io,
               "[image] expected a JPEG or PNG file, got other bytes");
  MIXNET_CHECK(file.size() >= first_chunk + around + header_bytes, io, "[image] PNG: the file ends in its header");
  const uint8_t* chunk = file.data() + first_chunk;
  MIXNET_CHECK(number32(chunk) == header_bytes && named(chunk, "IHDR"), io,
               "[image] PNG: expected IHDR as the first chunk");
  const uint8_t* header = chunk + 8;
  ImageInfo info;
  info.format = ImageFormat::png;
  info.width = number32(header);
  info.height = number32(header + 4);
  const int depth = header[8], colour = header[9];
  MIXNET_CHECK(colour == grey || colour == rgb || colour == palette || colour == grey_alpha || colour == rgb_alpha, io,
               "[image] PNG: unknown kind of colours ", colour);
  const bool alpha = colour == grey_alpha || colour == rgb_alpha || (colour != grey && has_transparency(file));
  info.channels = alpha ? 4 : colour == grey ? 1 : 3;
  const int64_t row = info.width * samples(colour) * depth / 8;
  MIXNET_CHECK(info.height == 0 || row <= static_cast<int64_t>(file.size()) * most_inflation / info.height, io,
               "[image] PNG: ", file.size(), " bytes cannot hold the ", info.height, " by ", info.width,
               " pixels of the header");
  return info;
}

}  // namespace mixnet::codec

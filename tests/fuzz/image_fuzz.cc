// JPEG and PNG: any bytes end in pixels or in Code::io; a part has the pixels of the whole; what was decoded can be encoded and is the same again.
#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../codec/files.h"
#include "codec/decode.h"
#include "target.h"

using namespace mixnet;

namespace {

constexpr int64_t most_pixels = 1 << 20;  // larger ones take the time of many inputs

bool decode(Span<const uint8_t> file, const DecodeRequest& request, Image* image) {
  try {
    *image = decode_image(file, request);
    return true;
  } catch (const Error& e) {
    if (e.code() != Code::io && e.code() != Code::memory) std::abort();
    if (std::strchr(e.what(), '\n')) std::abort();
    return false;
  }
}

bool same(const ImageView& a, const ImageView& b) {
  if (a.height != b.height || a.width != b.width || a.channels != b.channels) return false;
  for (int64_t y = 0; y < a.height; ++y) {
    if (std::memcmp(a.row(y), b.row(y), static_cast<size_t>(a.width * a.channels)) != 0) return false;
  }
  return true;
}

uint32_t checksum(const uint8_t* bytes, size_t size) {
  uint32_t crc = 0xFFFFFFFF;
  for (size_t i = 0; i < size; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

// Chunks of a PNG file get the checksums of what is in them, else mutations would end there.
void mend(std::vector<uint8_t>* file) {
  for (size_t at = 8; at + 12 <= file->size();) {
    uint8_t* chunk = file->data() + at;
    const size_t size = size_t{chunk[0]} << 24 | size_t{chunk[1]} << 16 | size_t{chunk[2]} << 8 | chunk[3];
    if (size > file->size() - at - 12) return;
    const uint32_t crc = checksum(chunk + 4, size + 4);
    for (int i = 0; i < 4; ++i) chunk[8 + size + static_cast<size_t>(i)] = static_cast<uint8_t>(crc >> (24 - 8 * i));
    at += 12 + size;
  }
}

void check(Span<const uint8_t> file, uint32_t draw) {
  ImageInfo info;
  try {
    info = image_info(file);
  } catch (const Error& e) {
    if (e.code() != Code::io) std::abort();
    return;
  }
  if (info.height * info.width > most_pixels) return;
  DecodeRequest request;
  request.channels = std::array<int64_t, 4>{0, 1, 3, 4}[draw % 4];
  Image whole, part;
  const bool good = decode(file, request, &whole);
  if (good && (whole.height() != info.height || whole.width() != info.width)) std::abort();
  request.region.height = 1 + static_cast<int64_t>(draw / 4 % static_cast<uint64_t>(info.height));
  request.region.width = 1 + static_cast<int64_t>(draw / 7 % static_cast<uint64_t>(info.width));
  request.region.top = static_cast<int64_t>(draw / 11 % static_cast<uint64_t>(info.height - request.region.height + 1));
  request.region.left = static_cast<int64_t>(draw / 13 % static_cast<uint64_t>(info.width - request.region.width + 1));
  if (decode(file, request, &part) != good && good) std::abort();
  if (good && !same(part, piece(whole, request.region))) std::abort();
  request.shorter_side = 1 + static_cast<int64_t>(draw / 17 % 20);
  decode(file, request, &part);
  if (good && !same(decode_image(encode_png(whole), {0}), whole)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const uint32_t draw = checksum(data, size);
  check({data, size}, draw);
  if (size > 8 && data[0] == 0x89) {
    std::vector<uint8_t> mended(data, data + size);
    mend(&mended);
    check(mended, draw);
  }
  return 0;
}

namespace mixnet::fuzz {

std::vector<std::string> seeds() {
  std::vector<std::string> found;
  for (const auto& names : {jpeg_files, png_files}) {
    for (const std::string& name : names) {
      const std::vector<uint8_t> file = read_image_file(name);
      found.emplace_back(file.begin(), file.end());
    }
  }
  Image image(9, 17, 3);
  for (int64_t i = 0; i < image.bytes(); ++i) image.data()[i] = static_cast<uint8_t>(i * 7);
  for (const int level : {1, 90}) {
    const std::vector<uint8_t> file = encode_jpeg(image, level);
    found.emplace_back(file.begin(), file.end());
  }
  const std::vector<uint8_t> file = encode_png(image, 9);
  found.emplace_back(file.begin(), file.end());
  return found;
}

std::vector<std::string> dictionary() {
  std::vector<std::string> words = {
      "IHDR", "PLTE", "tRNS", "IDAT", "IEND", "gAMA", "iCCP", "zTXt", "eXIf", std::string("Exif\0\0", 6), "Adobe"};
  for (const int kind : {0xC0, 0xC1, 0xC2, 0xC4, 0xC9, 0xD0, 0xD8, 0xD9, 0xDA, 0xDB, 0xDD, 0xE1, 0xEE})
    words.push_back({'\xFF', static_cast<char>(kind)});
  return words;
}

}  // namespace mixnet::fuzz

/// Image records: a header with labels and ids, then mostly the bytes of a JPEG or PNG file.
#pragma once

#include <mixnet/arithmetic.hpp>
#include <mixnet/record.hpp>

#include <cstring>

namespace mixnet {

/// What stands before an image. One label stays in the header, with flag 0; else flag counts labels that follow it.
struct ImageHeader {
  std::vector<float> labels = {0};
  uint64_t id = 0, id2 = 0;
  uint32_t flag = 0;
};

namespace detail {

template <class T>
void put(Bytes& bytes, T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  for (size_t i = 0; i < sizeof value; ++i) bytes.push_back(static_cast<uint8_t>(bits >> 8 * i));
}

template <class T>
T get(const uint8_t* bytes) {
  uint64_t bits = 0;
  for (size_t i = 0; i < sizeof(T); ++i) bits |= static_cast<uint64_t>(bytes[i]) << 8 * i;
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace detail

/// An image record of a header and what follows it.
inline Bytes pack_image(const ImageHeader& header, const Bytes& content) {
  const bool several = header.flag > 0 || header.labels.size() != 1;
  Bytes record;
  detail::put(record, static_cast<uint32_t>(several ? header.labels.size() : 0));
  detail::put(record, several ? 0.0f : header.labels[0]);
  detail::put(record, header.id);
  detail::put(record, header.id2);
  if (several) {
    for (float label : header.labels) detail::put(record, label);
  }
  record.insert(record.end(), content.begin(), content.end());
  return record;
}

/// The header of an image record, and in `content` what follows it.
inline ImageHeader unpack_image(const Bytes& record, Bytes& content) {
  constexpr size_t size = 24;
  if (record.size() < size) {
    fail("[unpack_image] record: expected a header of 24 bytes, got " + std::to_string(record.size()) + " bytes");
  }
  const uint8_t* data = record.data();
  ImageHeader header{
      {}, detail::get<uint64_t>(data + 8), detail::get<uint64_t>(data + 16), detail::get<uint32_t>(data)};
  const size_t behind = record.size() - size;
  if (behind / 4 < header.flag) {
    fail("[unpack_image] record: expected " + std::to_string(header.flag) + " labels behind the header, got " +
         std::to_string(behind) + " bytes");
  }
  if (header.flag == 0) header.labels = {detail::get<float>(data + 4)};
  for (size_t i = 0; i < header.flag; ++i) header.labels.push_back(detail::get<float>(data + size + 4 * i));
  content.assign(record.begin() + static_cast<std::ptrdiff_t>(size + 4 * size_t{header.flag}), record.end());
  return header;
}

/// Pixels, (height, width, channels) of uint8, red first, as the bytes of a file: ".jpg" with a quality of 1 to 100, or ".png" with a compression of
/// 0 to 9.
inline Bytes encode_image(const NDArray& pixels, const std::string& kind = ".jpg", int64_t quality = 95) {
  const NDArray file = op::_cvimencode(pixels).ext(kind).quality(quality);
  return file.values<uint8_t>();
}

/// The pixels of a JPEG or PNG file: (height, width, channels) of uint8, red first. channels: 3, 1 (grey), or 0: as in the file.
inline NDArray decode_image(const Bytes& content, int channels = 3) {
  if (channels != 0 && channels != 1 && channels != 3) {
    fail("[decode_image] channels: expected 0, 1 or 3, got " + std::to_string(channels));
  }
  const NDArray file(content, {static_cast<int64_t>(content.size())});
  return op::_cvimdecode(file).flag(channels == 0 ? -1 : channels == 3);
}

}  // namespace mixnet

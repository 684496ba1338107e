// What a record with an image begins with: u32 flag, f32 label, u64 id, u64 second id, then `flag` labels of f32 where flag is above 0, then the image's file.
#pragma once
#include <cstring>

#include "base/error.h"
#include "base/span.h"

namespace mixnet {

struct ImageRecord {
  static constexpr size_t header_bytes = 24;
  uint64_t id = 0;
  Span<const uint8_t> labels;  // f32 each, at any address
  Span<const uint8_t> file;

  size_t num_labels() const { return labels.size() / 4; }
  float label(size_t i) const {
    float value;
    std::memcpy(&value, labels.data() + 4 * i, sizeof value);
    return value;
  }
};

// Throws Code::io for bytes too few for what the header says.
inline ImageRecord read_image_record(Span<const uint8_t> bytes) {
  constexpr size_t header = ImageRecord::header_bytes;
  MIXNET_CHECK(bytes.size() >= header, io, "expected an image's header of ", header, " bytes, got ", bytes.size());
  ImageRecord record;
  uint32_t flag = 0;
  std::memcpy(&flag, bytes.data(), sizeof flag);
  std::memcpy(&record.id, bytes.data() + 8, sizeof record.id);
  record.labels = bytes.subspan(4, 4);
  record.file = bytes.subspan(header, bytes.size() - header);
  if (flag == 0) return record;
  MIXNET_CHECK(flag <= record.file.size() / 4, io, "expected ", flag, " labels, got ", record.file.size(), " bytes");
  record.labels = record.file.subspan(0, size_t{flag} * 4);
  record.file = record.file.subspan(size_t{flag} * 4, record.file.size() - size_t{flag} * 4);
  return record;
}

}  // namespace mixnet

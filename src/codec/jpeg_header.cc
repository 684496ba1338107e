// JPEG: two bytes, then segments (FF, kind, length of 16 bits) up to the start of the first scan.
#include <cstring>

#include "codec/file_header.h"

namespace mixnet::codec {
namespace {

// Every block of 8 by 8 pixels takes a bit; subsampling of all channels, by at most 4 by 4, is the least of what a header may say.
constexpr int64_t most_pixels_per_byte = 64 * 8 * 16;

enum Marker : uint8_t {
  first_frame = 0xC0,
  huffman = 0xC4,
  extension = 0xC8,
  arithmetic = 0xCC,
  last_frame = 0xCF,
  restart = 0xD0,
  image_end = 0xD9,
  scan = 0xDA,
  app1 = 0xE1
};

bool is_frame(uint8_t kind) {
  return kind >= first_frame && kind <= last_frame && kind != huffman && kind != extension && kind != arithmetic;
}
bool stands_alone(uint8_t kind) { return kind == 0x01 || (kind >= restart && kind < image_end); }

int64_t number16(const uint8_t* p) { return p[0] << 8 | p[1]; }

// Goes from segment to segment.
class Segments {
 public:
  explicit Segments(Span<const uint8_t> file) : file_(file) {}

  // The kind of the next one and its bytes after the length.
  uint8_t next(Span<const uint8_t>* segment) {
    for (;;) {
      while (byte() != 0xFF) ++at_;  // libjpeg too goes over bytes between segments
      while (byte() == 0xFF) ++at_;
      const uint8_t kind = byte();
      ++at_;
      if (kind == 0 || stands_alone(kind)) continue;
      MIXNET_CHECK(kind != image_end, io, "[image] JPEG: ends without pixels");
      MIXNET_CHECK(at_ + 2 <= file_.size(), io, early);
      const size_t length = static_cast<size_t>(number16(file_.data() + at_));
      MIXNET_CHECK(length >= 2, io, "[image] JPEG: a segment at byte ", at_, " says it has ", length,
                   " bytes, its length among them");
      MIXNET_CHECK(at_ + length <= file_.size(), io, early);
      *segment = file_.subspan(at_ + 2, length - 2);
      at_ += length;
      return kind;
    }
  }

 private:
  static constexpr const char* early = "[image] JPEG: the file ends in its header";
  uint8_t byte() const {
    MIXNET_CHECK(at_ < file_.size(), io, early);
    return file_[at_];
  }

  Span<const uint8_t> file_;
  size_t at_ = 2;
};

void read_frame(Span<const uint8_t> segment, ImageInfo* info) {
  MIXNET_CHECK(segment.size() >= 6, io, "[image] JPEG: a frame's header of ", segment.size(), " bytes");
  info->height = number16(segment.data() + 1);
  info->width = number16(segment.data() + 3);
  const int channels = segment[5];
  MIXNET_CHECK(channels == 1 || channels == 3 || channels == 4, io, "[image] JPEG: expected 1, 3 or 4 channels, got ",
               channels);
  info->channels = channels == 1 ? 1 : 3;  // four are cyan, magenta, yellow and black
}

// A number of `bytes` bytes in a TIFF structure; 0 outside of it.
struct Tiff {
  Span<const uint8_t> data;
  bool little;
  uint32_t number(size_t at, size_t bytes) const {
    if (at > data.size() || data.size() - at < bytes) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; ++i) value = value << 8 | data[at + (little ? bytes - 1 - i : i)];
    return value;
  }
};

}  // namespace

int exif_orientation(Span<const uint8_t> segment) {
  constexpr size_t head = 6, entry = 12;
  if (segment.size() < head + 8 || std::memcmp(segment.data(), "Exif\0", head) != 0) return 1;
  const Tiff tiff{segment.subspan(head, segment.size() - head), segment[head] == 'I'};
  if (tiff.number(0, 2) != (tiff.little ? 0x4949 : 0x4D4D) || tiff.number(2, 2) != 42) return 1;
  const size_t directory = tiff.number(4, 4), entries = tiff.number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t at = directory + 2 + i * entry;
    if (at + entry > tiff.data.size()) return 1;
    if (tiff.number(at, 2) != 0x0112) continue;
    const uint32_t value = tiff.number(at + 8, 2);
    return tiff.number(at + 2, 2) == 3 && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

ImageInfo jpeg_header(Span<const uint8_t> file) {
  MIXNET_CHECK(file.size() >= 4 && file[0] == 0xFF && file[1] == 0xD8, io,
               "[image] expected a JPEG or PNG file, got other bytes");
  ImageInfo info;
  info.format = ImageFormat::jpeg;
  Segments segments(file);
  bool turned = false;
  for (;;) {
    Span<const uint8_t> segment;
    const uint8_t kind = segments.next(&segment);
    if (kind == scan) break;
    if (is_frame(kind)) {
      MIXNET_CHECK(info.channels == 0, io, "[image] JPEG: more than one frame");
      read_frame(segment, &info);
    } else if (kind == app1 && !turned) {
      info.orientation = exif_orientation(segment);
      turned = info.orientation != 1;
    }
  }
  MIXNET_CHECK(info.channels > 0, io, "[image] JPEG: a scan without a frame");
  MIXNET_CHECK(info.height * info.width / most_pixels_per_byte <= static_cast<int64_t>(file.size()), io,
               "[image] JPEG: ", file.size(), " bytes cannot hold the ", info.height, " by ", info.width,
               " pixels of the header");
  return info;
}

}  // namespace mixnet::codec

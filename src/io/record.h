// RecordIO: records of any bytes, one after the other in a file.
//
// A part of a record is a magic number, a word of 3 bits `kind` and 29 bits `length`, the bytes, and zeros up to a multiple of 4. The writer cuts a
// record where the magic number stands in its bytes at a multiple of 4 and leaves it out, the reader puts it back: so at multiples of 4 the number
// stands at the beginning of parts only, and a reader can begin anywhere by looking for it.
#pragma once
#include <cstdint>
#include <cstring>

namespace mixnet {

constexpr uint32_t record_magic = 0xCED7230A;
constexpr int64_t max_record = (int64_t{1} << 29) - 1;  // bytes

struct RecordPart {
  enum Kind : uint32_t { whole = 0, first = 1, middle = 2, last = 3 };
  static constexpr int64_t header_bytes = 8;
  uint32_t kind = whole;
  int64_t length = 0;

  bool begins() const { return kind == whole || kind == first; }
  bool ends() const { return kind == whole || kind == last; }
  int64_t padded() const { return (length + 3) / 4 * 4; }
  void write(uint8_t* header) const {
    const uint32_t words[] = {record_magic, kind << 29 | static_cast<uint32_t>(length)};
    std::memcpy(header, words, sizeof words);
  }
  // False: no part begins here.
  bool read(const uint8_t* header) {
    uint32_t words[2];
    std::memcpy(words, header, sizeof words);
    kind = words[1] >> 29;
    length = words[1] & max_record;
    return words[0] == record_magic && kind <= last;
  }
};

}  // namespace mixnet

#include "io/record_places.h"

#include <algorithm>

#include "base/error.h"
#include "io/number_text.h"
#include "io/record_reader.h"
#include "io/source_error.h"
#include "io/text_lines.h"

namespace mixnet {
namespace {

constexpr int64_t lines_at_once = 4096;
constexpr int64_t read_whole = 4 << 20;  // a longer stretch is read as far as its record goes

int64_t offset_of(const TextLine& line, const std::string& place, int64_t size) {
  std::string_view rest = line.text;
  int64_t offset = -1;
  const size_t tab = rest.find_first_of("\t ");
  if (tab != std::string_view::npos) rest.remove_prefix(tab);
  MIXNET_CHECK(tab != std::string_view::npos && read_number(&rest, &offset) && rest.empty(), io, "[", place, "] ",
               *line.file, " line ", line.number, ": expected a key and an offset, got '",
               std::string(line.text.substr(0, 40)), "'");
  MIXNET_CHECK(offset >= 0 && offset < size && offset % 4 == 0, io, "[", place, "] ", *line.file, " line ", line.number,
               ": expected a multiple of 4 below ", size, " bytes, got ", offset);
  return offset;
}

// Where the record at `at` ends, from the headers of its parts; -1: it is none.
int64_t end_of_record(const Source& records, int64_t at) {
  const int64_t begin = at;
  for (;;) {
    uint8_t header[RecordPart::header_bytes];
    RecordPart part;
    if (records.read_at(at, header, sizeof header) < sizeof header || !part.read(header)) return -1;
    if (part.begins() != (at == begin)) return -1;
    const int64_t data = at + RecordPart::header_bytes;
    if (part.length > records.size() - data) return -1;
    at = std::min(records.size(), data + part.padded());
    if (part.ends()) return at;
  }
}

bool begins_at(const Source& records, int64_t at) {
  uint8_t header[RecordPart::header_bytes];
  RecordPart part;
  return records.read_at(at, header, sizeof header) == sizeof header && part.read(header) && part.begins();
}

// The payload of a record that stands whole in memory, joined in place.
bool join_parts(std::vector<uint8_t>& bytes, Span<const uint8_t>* record) {
  size_t at = 0, out = RecordPart::header_bytes;
  for (bool first = true;; first = false) {
    RecordPart part;
    if (bytes.size() - at < RecordPart::header_bytes || !part.read(bytes.data() + at) || part.begins() != first)
      return false;
    at += RecordPart::header_bytes;
    const auto length = static_cast<size_t>(part.length);
    if (length > bytes.size() - at) return false;
    if (!first) {
      std::memcpy(bytes.data() + out, &record_magic, sizeof record_magic);
      out += sizeof record_magic;
    }
    if (out != at) std::memmove(bytes.data() + out, bytes.data() + at, length);
    out += length;
    at = std::min(bytes.size(), at + static_cast<size_t>(part.padded()));
    if (!part.ends()) continue;
    *record = {bytes.data() + RecordPart::header_bytes, out - RecordPart::header_bytes};
    return true;
  }
}

}  // namespace

std::vector<RecordPlace> indexed_records(const std::string& place, const std::string& path_index, const Source& records,
                                         int64_t part, int64_t parts) {
  std::vector<int64_t> offsets;
  TextLines lines(place, path_index);
  for (;;) {
    const std::vector<TextLine>& some = lines.take(lines_at_once);
    if (some.empty()) break;
    for (const TextLine& line : some) offsets.push_back(offset_of(line, place, records.size()));
  }
  std::sort(offsets.begin(), offsets.end());
  offsets.erase(std::unique(offsets.begin(), offsets.end()), offsets.end());
  const auto count = static_cast<int64_t>(offsets.size());
  offsets.push_back(records.size());
  std::vector<RecordPlace> places;
  for (int64_t i = count * part / parts; i < count * (part + 1) / parts; ++i) {
    places.push_back({offsets[static_cast<size_t>(i)], offsets[static_cast<size_t>(i) + 1]});
  }
  return places;
}

std::vector<RecordPlace> scanned_records(const std::shared_ptr<const Source>& records, int64_t part, int64_t parts) {
  RecordReader reader(records, part, parts);
  const int64_t end = part + 1 == parts ? records->size() : RecordReader(records, part + 1, parts).tell();
  std::vector<RecordPlace> places;
  bool searched = part > 0;  // for a record; else one is expected
  for (int64_t at = reader.tell(); at < end;) {
    if (searched && !begins_at(*records, at)) break;
    int64_t next = end_of_record(*records, at);
    searched = next < 0;
    if (searched) {
      reader.seek(at);
      Span<const uint8_t> record;
      try {
        reader.next(&record);
      } catch (const SourceError&) {
        throw;
      } catch (const Error&) {
      }
      next = reader.tell();
    }
    places.push_back({at, std::max(next, at + 4)});
    at = places.back().end;
  }
  return places;
}

Span<const uint8_t> read_record(const std::shared_ptr<const Source>& records, const RecordPlace& place,
                                std::vector<uint8_t>* bytes) {
  Span<const uint8_t> record;
  const int64_t length = place.end - place.offset;
  if (length <= read_whole) {
    bytes->resize(static_cast<size_t>(length));
    bytes->resize(records->read_at(place.offset, bytes->data(), bytes->size()));
    if (join_parts(*bytes, &record)) return record;
  }
  RecordReader reader(records);
  reader.seek(place.offset);
  MIXNET_CHECK(reader.next(&record), io, "[recordio] ", records->name(), " at byte ", place.offset, ": no record");
  bytes->assign(record.begin(), record.end());
  return {bytes->data(), bytes->size()};
}

}  // namespace mixnet

#include "io/record_reader.h"

#include <algorithm>

#include "base/error.h"

namespace mixnet {
namespace {

constexpr int64_t read_bytes = 1 << 20, first_bytes = 64 << 10;

int64_t aligned(int64_t offset) { return (offset + 3) / 4 * 4; }

}  // namespace

RecordReader::RecordReader(std::shared_ptr<const Source> source, int64_t part, int64_t parts)
    : source_(std::move(source)), size_(source_->size()) {
  MIXNET_CHECK(parts >= 1, invalid, "[recordio] num_parts: expected at least 1, got ", parts);
  MIXNET_CHECK(part >= 0 && part < parts, invalid, "[recordio] part_index: expected 0 to ", parts - 1, ", got ", part);
  // size * part / parts without its overflow.
  const auto cut = [&](int64_t i) { return size_ / parts * i + size_ % parts * i / parts; };
  begin_ = aligned(cut(part));
  end_ = part + 1 == parts ? size_ : std::min(size_, aligned(cut(part + 1)));
  reset();
}

void RecordReader::reset() {
  limit_ = end_;
  stride_ = read_bytes;
  // The first share's beginning is a record or an error; another's is somewhere in one.
  offset_ = begin_ == 0 ? 0 : find(begin_, end_);
}

void RecordReader::seek(int64_t offset) {
  MIXNET_CHECK(offset >= 0 && offset <= size_ && offset % 4 == 0, invalid, "[recordio seek] ", source_->name(),
               ": expected a multiple of 4 from 0 to ", size_, ", got ", offset);
  if (offset < held_ || offset >= held_ + count_) stride_ = first_bytes;
  offset_ = offset;
  limit_ = offset < begin_ || offset >= end_ ? size_ : end_;
}

// Memory with so many bytes of the source, or null where it does not have them.
const uint8_t* RecordReader::bytes_at(int64_t offset, int64_t count) {
  if (offset + count > size_) return nullptr;
  if (offset < held_ || offset + count > held_ + count_) {
    const int64_t wanted = std::min(std::max(count, stride_), size_ - offset);
    stride_ = std::min(read_bytes, stride_ * 2);
    if (static_cast<int64_t>(buffer_.size()) < wanted) buffer_.resize(static_cast<size_t>(wanted));
    // What is there of them already stays.
    const int64_t kept = offset >= held_ && offset < held_ + count_ ? held_ + count_ - offset : 0;
    if (kept > 0) std::memmove(buffer_.data(), buffer_.data() + (offset - held_), static_cast<size_t>(kept));
    held_ = offset;
    count_ = kept;
    const auto more = static_cast<size_t>(wanted - kept);
    count_ += static_cast<int64_t>(source_->read_at(offset + kept, buffer_.data() + kept, more));
    if (count_ < count) return nullptr;
  }
  return buffer_.data() + (offset - held_);
}

bool RecordReader::part_at(int64_t offset, RecordPart* part) {
  const uint8_t* header = bytes_at(offset, RecordPart::header_bytes);
  return header && part->read(header);
}

// The first record that begins in [from, end), or `end`.
int64_t RecordReader::find(int64_t from, int64_t end) {
  uint8_t magic[4];
  std::memcpy(magic, &record_magic, sizeof magic);
  for (int64_t at = aligned(from); at < end;) {
    const int64_t count = std::min<int64_t>(read_bytes, size_ - at) / 4 * 4;
    const uint8_t* bytes = count >= RecordPart::header_bytes ? bytes_at(at, count) : nullptr;
    if (!bytes) break;
    for (int64_t i = 0; i < count && at + i < end; i += 4) {
      if (std::memcmp(bytes + i, magic, 4) != 0) continue;
      RecordPart part;
      if (part_at(at + i, &part) && part.begins()) return at + i;
      bytes = bytes_at(at, count);  // looking at a header at the edge may have moved them
    }
    at += count;
  }
  return end;
}

void RecordReader::refuse(int64_t at, const std::string& what, int64_t from) {
  offset_ = find(from, limit_);
  fail(Code::io, "[recordio] ", source_->name(), " at byte ", at, ": ", what);
}

bool RecordReader::next(Span<const uint8_t>* record) {
  const int64_t begin = offset_;
  if (begin >= limit_) return false;
  RecordPart part;
  joined_.clear();
  for (int64_t at = begin;;) {
    if (!part_at(at, &part)) refuse(at, "expected the beginning of a record", at == begin ? begin + 4 : at);
    const bool first = at == begin;
    if (part.begins() != first)
      refuse(at, first ? "a record without its beginning" : "a record without its end", first ? at + 4 : at);
    const int64_t data = at + RecordPart::header_bytes;
    const uint8_t* bytes = bytes_at(data, part.length);
    if (!bytes) refuse(at, concat("expected ", part.length, " bytes of a record, got ", size_ - data), at + 4);
    at = std::min(size_, data + part.padded());
    if (part.kind == RecordPart::whole) {
      offset_ = at;
      *record = {bytes, static_cast<size_t>(part.length)};
      return true;
    }
    if (!first)
      joined_.insert(joined_.end(), reinterpret_cast<const uint8_t*>(&record_magic),
                     reinterpret_cast<const uint8_t*>(&record_magic) + 4);
    joined_.insert(joined_.end(), bytes, bytes + part.length);
    if (part.ends()) {
      offset_ = at;
      *record = {joined_.data(), joined_.size()};
      return true;
    }
  }
}

}  // namespace mixnet

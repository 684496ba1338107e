// Reads records in order, all of them or one of several shares of a file; or from any place that a writer or an index has named.
//
// A share begins at the first record that starts in its stretch of the file, and ends with the last: every record belongs to one share. What is no record
// is told once, by an error with its place, and skipped: the next call reads the next record that can be found. One thread at a time.
#pragma once
#include <vector>

#include "base/span.h"
#include "io/record.h"
#include "io/source.h"

namespace mixnet {

class RecordReader {
 public:
  // Share `part` of `parts`.
  explicit RecordReader(std::shared_ptr<const Source> source, int64_t part = 0, int64_t parts = 1);

  // The next record, in memory of the reader that stays until the next call; false at the end. Throws Code::io.
  bool next(Span<const uint8_t>* record);
  // Where the next record begins.
  int64_t tell() const { return offset_; }
  // The next call reads what begins there; beyond the share, too. Throws Code::invalid.
  void seek(int64_t offset);
  // To the beginning of the share.
  void reset();

 private:
  const uint8_t* bytes_at(int64_t offset, int64_t count);
  int64_t find(int64_t from, int64_t end);
  bool part_at(int64_t offset, RecordPart* part);
  [[noreturn]] void refuse(int64_t at, const std::string& what, int64_t from);

  const std::shared_ptr<const Source> source_;
  const int64_t size_;
  int64_t begin_, end_, limit_;  // of the share; where records may still begin
  int64_t offset_ = 0;
  std::vector<uint8_t> buffer_;  // holds the source from `held_` on, `count_` bytes
  int64_t held_ = 0, count_ = 0;
  int64_t stride_ = 0;           // so much is read at once: little behind a jump, then ever more
  std::vector<uint8_t> joined_;  // of a record in several parts
};

}  // namespace mixnet

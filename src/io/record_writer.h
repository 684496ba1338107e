// Writes records to a file. A record is in the file as a whole after flush() or close(); one thread at a time.
#pragma once
#include <string>
#include <vector>

#include "io/record.h"

namespace mixnet {

class RecordWriter {
 public:
  // A new file, or at the end of one. Throws Code::io.
  explicit RecordWriter(const std::string& path, bool append = false);
  // What close() would tell is lost.
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;

  // Where it begins. Throws Code::invalid for more than max_record bytes, Code::io; after that nothing more can be written.
  int64_t write(const void* data, int64_t bytes);
  // Where the next record will begin.
  int64_t tell() const { return offset_; }
  void flush();
  void close();

 private:
  void put(RecordPart::Kind kind, const uint8_t* data, int64_t bytes);
  void add(const void* data, size_t bytes);

  const std::string path_;
  int descriptor_;
  int64_t offset_ = 0;
  std::vector<uint8_t> buffer_;
};

}  // namespace mixnet

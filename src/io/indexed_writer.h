// Writes records and, into a second file, a line `ID TAB OFFSET` for each. A line comes after its record, so that a run that is broken off at any
// moment leaves nothing in the index that is not in the records; `find_written` tells where such a run can go on.
#pragma once
#include <string>

#include "io/record_writer.h"

namespace mixnet {

// What is whole of a record file and its index.
struct Written {
  int64_t records = 0;
  int64_t record_bytes = 0, index_bytes = 0;  // so long are the files without what follows
};

// No files: nothing. Throws Code::io for an index that does not fit the records.
Written find_written(const std::string& record_path, const std::string& index_path);

class IndexedWriter {
 public:
  // New files, or after what is `kept` of those that are there; the rest is cut off. Throws Code::io.
  IndexedWriter(const std::string& record_path, const std::string& index_path, const Written& kept = {});
  // What close() would tell is lost.
  ~IndexedWriter();
  IndexedWriter(const IndexedWriter&) = delete;

  void write(uint64_t id, const void* data, int64_t bytes);
  int64_t tell() const { return records_.tell(); }
  void close();

 private:
  void flush();

  RecordWriter records_;
  const std::string index_path_;
  int index_;
  std::string lines_;  // of records that may not be in the file yet
  int64_t flushed_;    // the records up to here are
};

}  // namespace mixnet

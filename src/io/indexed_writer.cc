#include "io/indexed_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <utility>

#include "base/error.h"
#include "io/record_reader.h"

namespace mixnet {
namespace {

constexpr int64_t flush_bytes = 16 << 20;

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// Cuts off what is behind so many bytes, unless there are none: then the file is opened as a new one.
void cut(const std::string& path, int64_t bytes) {
  if (bytes == 0) return;
  MIXNET_CHECK(truncate(path.c_str(), bytes) == 0, io, "[recordio] ", path, ": ", std::strerror(errno));
}

int open_index(const std::string& path, bool append) {
  return open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
}

// The end of the record that begins at `offset`; -1: it is not whole.
int64_t end_of_record(const Source& records, int64_t offset) {
  for (bool first = true;; first = false) {
    uint8_t header[RecordPart::header_bytes];
    RecordPart part;
    if (records.read_at(offset, header, sizeof header) != sizeof header || !part.read(header)) return -1;
    if (part.begins() != first) return -1;
    offset += RecordPart::header_bytes + part.padded();
    if (offset > records.size()) return -1;
    if (part.ends()) return offset;
  }
}

// The offset that a line names; -1: it is none.
int64_t offset_of(const std::string& line) {
  const size_t tab = line.find('\t');
  if (tab == std::string::npos || tab + 1 == line.size() || line.size() - tab > 19) return -1;
  if (line.find_first_not_of("0123456789", tab + 1) != std::string::npos) return -1;
  return std::stoll(line.substr(tab + 1));
}

}  // namespace

// Offsets only grow. So the records named before the last one inside the file are whole, and that one is looked at.
Written find_written(const std::string& record_path, const std::string& index_path) {
  Written before, last;
  if (!exists(record_path) || !exists(index_path)) return last;
  const std::shared_ptr<const Source> records = open_file(record_path);
  std::ifstream index(index_path, std::ios::binary);
  MIXNET_CHECK(index, io, "[recordio] ", index_path, ": ", std::strerror(errno));
  int64_t latest = -1;
  std::string line;
  while (std::getline(index, line) && !index.eof()) {  // a line without its end is not whole
    const int64_t offset = offset_of(line);
    MIXNET_CHECK(offset > latest, io, "[recordio] ", index_path, " line ", last.records + 1,
                 ": expected an id, a tab and a place behind the last one, got '", line, "'");
    if (offset >= records->size()) break;
    before = last;
    before.record_bytes = offset;
    latest = offset;
    last.records += 1;
    last.index_bytes += static_cast<int64_t>(line.size()) + 1;
  }
  if (latest < 0) return {};
  last.record_bytes = end_of_record(*records, latest);
  if (last.record_bytes < 0) last = before;
  return last;
}

IndexedWriter::IndexedWriter(const std::string& record_path, const std::string& index_path, const Written& kept)
    : records_((cut(record_path, kept.record_bytes), record_path), kept.records > 0),
      index_path_(index_path),
      index_((cut(index_path, kept.index_bytes), open_index(index_path, kept.records > 0))),
      flushed_(records_.tell()) {
  MIXNET_CHECK(index_ >= 0, io, "[recordio] ", index_path, ": ", std::strerror(errno));
}

IndexedWriter::~IndexedWriter() {
  try {
    close();
  } catch (const Error&) {
  }
  if (index_ >= 0) ::close(index_);
}

void IndexedWriter::write(uint64_t id, const void* data, int64_t bytes) {
  lines_ += concat(id, '\t', records_.write(data, bytes), '\n');
  if (records_.tell() - flushed_ >= flush_bytes) flush();
}

void IndexedWriter::flush() {
  records_.flush();
  flushed_ = records_.tell();
  for (size_t done = 0; done < lines_.size();) {
    const ssize_t count = ::write(index_, lines_.data() + done, lines_.size() - done);
    MIXNET_CHECK(count >= 0 || errno == EINTR, io, "[recordio write] ", index_path_, ": ", std::strerror(errno));
    if (count > 0) done += static_cast<size_t>(count);
  }
  lines_.clear();
}

void IndexedWriter::close() {
  if (index_ < 0) return;
  flush();
  records_.close();
  const int result = ::close(std::exchange(index_, -1));
  MIXNET_CHECK(result == 0, io, "[recordio close] ", index_path_, ": ", std::strerror(errno));
}

}  // namespace mixnet

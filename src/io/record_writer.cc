#include "io/record_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/error.h"

namespace mixnet {
namespace {

constexpr size_t write_bytes = 1 << 20;

}  // namespace

RecordWriter::RecordWriter(const std::string& path, bool append)
    : path_(path), descriptor_(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (append ? 0 : O_TRUNC), 0666)) {
  MIXNET_CHECK(descriptor_ >= 0, io, "[recordio] ", path, ": ", std::strerror(errno));
  offset_ = append ? lseek(descriptor_, 0, SEEK_END) : 0;
  if (offset_ >= 0 && offset_ % 4 == 0) return;
  ::close(descriptor_);
  fail(Code::io, "[recordio] ", path, ": expected a file of records to append to, whose size is a multiple of 4, got ",
       offset_, " bytes");
}

RecordWriter::~RecordWriter() {
  try {
    close();
  } catch (const Error&) {
  }
}

void RecordWriter::add(const void* data, size_t bytes) {
  if (bytes == 0) return;
  const auto* begin = static_cast<const uint8_t*>(data);
  buffer_.insert(buffer_.end(), begin, begin + bytes);
  if (buffer_.size() >= write_bytes) flush();
}

void RecordWriter::put(RecordPart::Kind kind, const uint8_t* data, int64_t bytes) {
  RecordPart part;
  part.kind = kind;
  part.length = bytes;
  uint8_t header[RecordPart::header_bytes];
  const uint8_t zeros[4] = {};
  part.write(header);
  add(header, sizeof header);
  add(data, static_cast<size_t>(bytes));
  add(zeros, static_cast<size_t>(part.padded() - bytes));
  offset_ += RecordPart::header_bytes + part.padded();
}

int64_t RecordWriter::write(const void* data, int64_t bytes) {
  MIXNET_CHECK(descriptor_ >= 0, invalid, "[recordio write] ", path_, ": expected an open file, got a closed one");
  MIXNET_CHECK(bytes >= 0 && bytes <= max_record, invalid, "[recordio write] ", path_, ": expected at most ",
               max_record, " bytes, got ", bytes);
  const auto* const all = static_cast<const uint8_t*>(data);
  const int64_t begin = offset_;
  int64_t from = 0;
  for (int64_t at = 0; at + 4 <= bytes; at += 4) {
    if (std::memcmp(all + at, &record_magic, 4) != 0) continue;
    put(from == 0 ? RecordPart::first : RecordPart::middle, all + from, at - from);
    from = at + 4;
  }
  put(from == 0 ? RecordPart::whole : RecordPart::last, all + from, bytes - from);
  return begin;
}

void RecordWriter::flush() {
  size_t done = 0;
  while (descriptor_ >= 0 && done < buffer_.size()) {
    const ssize_t count = ::write(descriptor_, buffer_.data() + done, buffer_.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int why = errno;
      ::close(std::exchange(descriptor_, -1));
      fail(Code::io, "[recordio write] ", path_, ": ", std::strerror(why));
    }
    done += static_cast<size_t>(count);
  }
  buffer_.clear();
}

void RecordWriter::close() {
  flush();
  if (descriptor_ < 0) return;
  const int result = ::close(std::exchange(descriptor_, -1));
  MIXNET_CHECK(result == 0, io, "[recordio close] ", path_, ": ", std::strerror(errno));
}

}  // namespace mixnet

/// RecordIO files: records one after another, whole files or shares of them.
#pragma once

#include <mixnet/handle.hpp>

namespace mixnet {

using Bytes = std::vector<uint8_t>;

/// Reads the records of a file, a path or a URI of http, https or s3, or of one of its shares. One thread at a time uses it.
class RecordReader {
 public:
  /// Every record belongs to one of `shares`, counted from 0.
  explicit RecordReader(const std::string& path, int64_t share = 0, int64_t shares = 1) {
    check(mxn_record_reader_create(path.c_str(), share, shares, receive(handle_)));
  }
  /// The next record; false at the end. What is no record throws once: the call after that goes on behind it.
  bool next(Bytes& record) {
    void* data = nullptr;
    int64_t bytes = 0;
    check(mxn_record_reader_next(handle_.get(), &data, &bytes));
    if (!data) return false;
    const auto* first = static_cast<const uint8_t*>(data);
    record.assign(first, first + bytes);
    return true;
  }
  /// Goes to a place that tell() or a writer has told, also outside of the share.
  void seek(int64_t place) {
    if (place < 0) fail("[RecordReader] place: expected at least 0, got " + std::to_string(place));
    check(mxn_record_reader_seek(handle_.get(), place));
  }
  /// Back to the beginning of the share.
  void reset() { check(mxn_record_reader_seek(handle_.get(), -1)); }
  /// Where the next record begins, in bytes.
  int64_t tell() const {
    int64_t place = 0;
    check(mxn_record_reader_tell(handle_.get(), &place));
    return place;
  }

 private:
  Handle<mxn_record_reader_t, mxn_record_reader_free> handle_;
};

/// Writes a file of records. close() tells whether all could be written; the destructor does not. One thread at a time uses it.
class RecordWriter {
 public:
  /// A new file, or the end of one.
  explicit RecordWriter(const std::string& path, bool append = false) {
    check(mxn_record_writer_create(path.c_str(), append, receive(handle_)));
  }
  /// Writes a record of less than 2^29 bytes; where it begins.
  int64_t write(const void* data, int64_t bytes) {
    int64_t place = 0;
    check(mxn_record_writer_write(open(), data, bytes, &place));
    return place;
  }
  int64_t write(const Bytes& record) { return write(record.data(), static_cast<int64_t>(record.size())); }
  int64_t write(const std::string& record) { return write(record.data(), static_cast<int64_t>(record.size())); }
  /// Where the next record will begin, in bytes.
  int64_t tell() const {
    int64_t place = 0;
    check(mxn_record_writer_tell(open(), &place));
    return place;
  }
  /// What was written is in the file when it returns.
  void flush() { check(mxn_record_writer_flush(open(), 0)); }
  void close() {
    if (!handle_) return;
    const Handle<mxn_record_writer_t, mxn_record_writer_free> closing = std::move(handle_);
    check(mxn_record_writer_flush(closing.get(), 1));
  }

 private:
  mxn_record_writer_t* open() const {
    if (!handle_) fail("[RecordWriter] expected an open file, got a closed one");
    return handle_.get();
  }

  Handle<mxn_record_writer_t, mxn_record_writer_free> handle_;
};

}  // namespace mixnet

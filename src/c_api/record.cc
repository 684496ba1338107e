// RecordIO files.
#include "c_api/handles.h"

using namespace mixnet;
using namespace mixnet::c_api;

int32_t mxn_record_reader_create(const char* path, int64_t part_index, int64_t num_parts,
                                 mxn_record_reader_t** out_reader) {
  return guard([&] {
    clear(out_reader, "record_reader_create", "out_reader");
    required(path, "record_reader_create", "path");
    *out_reader = new mxn_record_reader{RecordReader(open_source(path), part_index, num_parts)};
  });
}

void mxn_record_reader_free(mxn_record_reader_t* reader) { delete reader; }

int32_t mxn_record_reader_next(mxn_record_reader_t* reader, void** out_data, int64_t* out_bytes) {
  return guard([&] {
    clear(out_data, "record_reader_next", "out_data");
    clear(out_bytes, "record_reader_next", "out_bytes");
    Span<const uint8_t> record;
    if (!required(reader, "record_reader_next", "reader").reader.next(&record)) return;
    // An empty record has a place, too.
    static const uint8_t nothing = 0;
    *out_data = const_cast<uint8_t*>(record.data() ? record.data() : &nothing);
    *out_bytes = static_cast<int64_t>(record.size());
  });
}

int32_t mxn_record_reader_seek(mxn_record_reader_t* reader, int64_t offset) {
  return guard([&] {
    RecordReader& r = required(reader, "record_reader_seek", "reader").reader;
    offset == -1 ? r.reset() : r.seek(offset);
  });
}

int32_t mxn_record_reader_tell(const mxn_record_reader_t* reader, int64_t* out_offset) {
  return guard([&] {
    clear(out_offset, "record_reader_tell", "out_offset");
    *out_offset = required(reader, "record_reader_tell", "reader").reader.tell();
  });
}

int32_t mxn_record_writer_create(const char* path, int32_t append, mxn_record_writer_t** out_writer) {
  return guard([&] {
    clear(out_writer, "record_writer_create", "out_writer");
    required(path, "record_writer_create", "path");
    *out_writer = new mxn_record_writer(path, append != 0);
  });
}

void mxn_record_writer_free(mxn_record_writer_t* writer) { delete writer; }

int32_t mxn_record_writer_write(mxn_record_writer_t* writer, const void* data, int64_t bytes, int64_t* out_offset) {
  return guard([&] {
    clear(out_offset, "record_writer_write", "out_offset");
    RecordWriter& w = required(writer, "record_writer_write", "writer").writer;
    const Span<const uint8_t> record = list(static_cast<const uint8_t*>(data), bytes, "record_writer_write", "data");
    *out_offset = w.write(record.data(), static_cast<int64_t>(record.size()));
  });
}

int32_t mxn_record_writer_tell(const mxn_record_writer_t* writer, int64_t* out_offset) {
  return guard([&] {
    clear(out_offset, "record_writer_tell", "out_offset");
    *out_offset = required(writer, "record_writer_tell", "writer").writer.tell();
  });
}

int32_t mxn_record_writer_flush(mxn_record_writer_t* writer, int32_t close) {
  return guard([&] {
    RecordWriter& w = required(writer, "record_writer_flush", "writer").writer;
    close ? w.close() : w.flush();
  });
}

// Where the records of a file are, for who reads them in an order of his own.
#pragma once
#include <string>
#include <vector>

#include "base/span.h"
#include "io/source.h"

namespace mixnet {

struct RecordPlace {
  int64_t offset, end;  // no record begins in between
};

// Of an index file: lines of a key and an offset. Those of share `part` of `parts`, in numbers of records; in the order of the file with the records.
// Throws Code::io "[place] PATH line 7: expected ..., got ...".
std::vector<RecordPlace> indexed_records(const std::string& place, const std::string& path_index, const Source& records,
                                         int64_t part, int64_t parts);
// By reading the headers of the records of a share, as RecordReader has shares. What is no record has a place, too, once: reading there tells what is wrong.
// Cost: one small read per record.
std::vector<RecordPlace> scanned_records(const std::shared_ptr<const Source>& records, int64_t part, int64_t parts);

// Reads the record at a place into `bytes`, of which it is then the part that is returned. Any thread. Throws Code::io, as RecordReader does.
Span<const uint8_t> read_record(const std::shared_ptr<const Source>& records, const RecordPlace& place,
                                std::vector<uint8_t>* bytes);

}  // namespace mixnet

// The records of an epoch, in order: a share of a file from its beginning to its end, or shuffled.
//
// Without shuffling and without an index the file is read once through. An index, or a scan of the headers where there is none, lets records be read in any
// order, each by whoever needs it, at the same time as others.
#pragma once
#include <optional>

#include "io/pipeline.h"
#include "io/record_places.h"
#include "io/record_reader.h"

namespace mixnet {

struct ExampleOptions {
  std::string place;       // for messages: the iterator's name
  std::string path_index;  // empty: none
  int64_t part = 0, parts = 1;
  bool shuffle = false;
  uint64_t seed = 0;
  // Stretches of so many bytes are shuffled, and then the records in each: what is read together lies together. 0: the whole share is one.
  int64_t chunk_bytes = 0;
  uint64_t chunk_seed = 0;
};

class Examples {
 public:
  struct Record {
    int64_t number = 0;  // in its share, in the order of the file
    int64_t offset = 0;
    int64_t end = -1;  // where it ends, not read yet; -1: it has been read
    std::vector<uint8_t> memory;
    Span<const uint8_t> bytes;
  };
  using Taken = Work::Taken;

  Examples(std::shared_ptr<const Source> records, const ExampleOptions& options);

  void begin(uint64_t epoch);
  // The next record, by one thread at a time. A hole: what is wrong is in `fault`. Throws SourceError.
  Taken take(Record* record, std::string* fault);
  // Reads it, if take did not. Any thread. Throws Code::io, and SourceError.
  void read(Record* record) const;
  // See Source.
  void stop() const { source_->stop(); }

 private:
  void shuffle(uint64_t epoch);

  const ExampleOptions options_;
  const std::shared_ptr<const Source> source_;
  bool listed_ = false;              // places_ are known
  std::vector<RecordPlace> places_;  // in the order of the file
  std::vector<uint32_t> order_;
  size_t next_ = 0;
  std::optional<RecordReader> reader_;
  int64_t number_ = 0;
};

}  // namespace mixnet

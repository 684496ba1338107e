// Batches of arrays, epoch after epoch: what every iterator gives.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "ndarray/ndarray.h"

namespace mixnet {

// What an array of a batch looks like. The first extent is the batch.
struct ArrayDesc {
  std::string name;
  Shape shape;
  DType dtype = DType::f32;
  std::string layout;
};

struct Batch {
  std::vector<NDArray> data, label;  // whoever has them keeps them: an iterator never writes them again
  int64_t pad = 0;                   // so many examples at the end only fill the batch
  std::vector<uint64_t> index;       // ids of the examples, where they have some
};

// What an iterator met so far.
struct IterReport {
  int64_t examples = 0;             // given, without padding
  int64_t skipped = 0;              // could not be read or decoded
  std::vector<std::string> faults;  // of the skipped, the first 100
};

// One thread at a time; destruction waits for work under way, at any point.
class DataIter {
 public:
  virtual ~DataIter() = default;
  virtual const std::vector<ArrayDesc>& data() const = 0;
  virtual const std::vector<ArrayDesc>& label() const = 0;
  // False at the end of the epoch. After an error, reset() begins the next epoch; but when a wait ends early (WaitOptions), nothing is lost and the
  // next call goes on.
  virtual bool next(Batch* batch, const WaitOptions& wait = {}) = 0;
  // The next epoch begins.
  virtual void reset() = 0;
  virtual IterReport report() const { return {}; }
};

}  // namespace mixnet

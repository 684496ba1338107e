// A batch whose rows several threads write, each its own.
#pragma once
#include <string>
#include <vector>

#include "io/data_iter.h"

namespace mixnet {

// Where one example goes: the memory of its row of each array.
struct ExampleRow {
  std::vector<uint8_t*> data, label;
};

class BatchRows {
 public:
  BatchRows() = default;  // no rows
  // Takes the memory. The arrays are dense and have the same first extent. Throws Code::memory.
  BatchRows(const std::vector<ArrayDesc>& data, const std::vector<ArrayDesc>& label);

  int64_t count() const { return static_cast<int64_t>(rows_.size()); }
  ExampleRow row(int64_t i) const;
  // Once a row, by whoever writes it; rows that nobody sets are holes without a fault.
  void set_written(int64_t i, uint64_t id);
  void set_hole(int64_t i, std::string fault);

  struct Finished {
    int64_t examples = 0;  // none: there is no batch
    std::vector<std::string> faults;
    Batch batch;
  };
  // When all rows are written: closes the holes. Rows from `own` on were only to fill the batch.
  Finished finish(int64_t own);

 private:
  struct Line {
    uint8_t* memory;
    size_t bytes;  // of a row
  };
  struct State {
    bool written = false;
    uint64_t id = 0;
    std::string fault;
  };
  std::vector<NDArray> make(const std::vector<ArrayDesc>& descs);
  void copy_row(int64_t from, int64_t to);

  Batch batch_;
  std::vector<Line> lines_;  // of data, then of label
  std::vector<State> rows_;
};

}  // namespace mixnet

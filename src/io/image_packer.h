// Packs the images of a list into a file of records and its index, in the list's order.
//
// Threads read, decode and encode; the calling thread writes. At most a few images per thread are in memory. What cannot be packed is counted, told
// and left out. A run that ended early, however it did, leaves files that a later one with `resume` goes on with.
#pragma once
#include "base/function_ref.h"
#include "io/packed_image.h"

namespace mixnet {

struct ImagePackOptions : PackedImageOptions {
  std::string list, record, index;  // paths
  int64_t threads = 0;              // 0: as many as cores
  int64_t part = 0, parts = 1;      // only a share of the list's lines
  bool resume = false;              // goes on behind the last whole record that is there
};

struct ImagePackReport {
  struct Fault {
    int64_t line = 0;
    std::string id, path, reason;
  };
  static constexpr size_t max_faults = 10000;

  int64_t total = 0, done = 0;  // lines
  int64_t packed = 0;           // records that are in the file now; of these `resumed` were there before
  int64_t resumed = 0;
  int64_t skipped = 0;
  int64_t bytes = 0;          // of the record file
  std::vector<Fault> faults;  // of this run, the first max_faults
};

// `progress` is called here, on the calling thread, after each image and at least every 0.2 s; what it throws ends the run in good order and comes out
// again. Throws Code::invalid for options, Code::io for lists and files that cannot be read or written, Code::unsupported without codecs.
ImagePackReport pack_images(const ImagePackOptions& options, FunctionRef<void(const ImagePackReport&)> progress);

}  // namespace mixnet

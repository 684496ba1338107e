// What a store of one process keeps of a key.
#pragma once
#include <vector>

#include "kvstore/local/compressed_sum.h"

namespace mixnet {

struct Entry {
  NDArray value;
  // Of two engine variables that order work on the value, its own carries what went wrong before there was one. This array's, held by
  // everything that touches the value, carries the failure of the last update: the value is still there. Never has memory.
  NDArray update{Shape{1}, DType::u8};
  NDArray buffer;                   // what an updater receives, when it is not the pushed array itself
  std::vector<Residual> residuals;  // of compression, by place among the values of a push
  uint64_t call = 0;                // the last call that named the key, and where its values are gathered
  size_t place = 0;
};

}  // namespace mixnet

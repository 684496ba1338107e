// What a store of one process keeps of a key.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "kvstore/local/compressed_sum.h"

namespace mixnet {

struct StoredValue {
  NDArray value;
  // Of two engine variables that order work on the value, its own carries what went wrong before there was one. This array's, held by
  // everything that touches the value, carries the failure of the last update: the value is still there. Never has memory.
  NDArray update{Shape{1}, DType::u8};
  NDArray buffer;                   // what an updater receives, when it is not the pushed array itself
  std::vector<NDArray> replicas;    // the value once more, on other GPUs, where a sum left it there
  std::vector<Residual> residuals;  // of compression, by place among the values of a push
  uint64_t call = 0;                // the last call that named the key, and where its values are gathered
  size_t place = 0;
};

// Throws Code::shape or Code::type when `array` is not like the value of the key; `what` names the call.
void check_fits(const std::string& key, const NDArray& array, const NDArray& value, const char* what);
// The value, or its replica, on that device if there is one there.
const NDArray& nearest(const StoredValue& entry, DeviceId device);
// Made at the first call.
NDArray& buffer_of(StoredValue& entry);
// Pushes a task that reads the entry's value (and another array, or nullptr) and writes `out`. One from or to a GPU may defer.
void push_out(std::unique_ptr<Task> task, const StoredValue& entry, const NDArray& out, const NDArray* also_read,
              int priority);

}  // namespace mixnet

// The parameters of _contrib_count_sketch, and where its columns go.
#pragma once
#include <algorithm>
#include <cstdint>

#include "base/on_device.h"

namespace mixnet::op::count_sketch {

struct Params {
  int64_t out_dim = 1, processing_batch_size = 32;
};

// Columns outside of the output are clipped to it.
template <class T>
MIXNET_ON_DEVICE int64_t column(T v, int64_t columns) {
  return v > 0 ? static_cast<int64_t>(std::min(v, static_cast<T>(columns - 1))) : 0;
}

}  // namespace mixnet::op::count_sketch

// The parameters of _contrib_calibrate_entropy, and which limits it tries.
#pragma once
#include <algorithm>
#include <cstdint>

#include "base/on_device.h"

namespace mixnet::op::calibrate_entropy {

struct Params {
  int64_t num_quantized_bins = 255;
};

// An empty bin gets this much.
constexpr double little = 1e-4;
// What each of the others gives for it; below 0 where they have not that much.
MIXNET_ON_DEVICE inline double taken(int64_t empty, int64_t full) {
  if (full == 0) return -1;
  const double each = little * static_cast<double>(empty) / static_cast<double>(full);
  return each < 1 ? each : -1;
}

// Of n bins, the middle ones: limit number i keeps [first(i), last(i)).
struct Limits {
  int64_t n, bins;  // bins: quantised numbers
  MIXNET_ON_DEVICE int64_t count() const { return n / 2 - bins / 2 + 1; }
  MIXNET_ON_DEVICE int64_t first(int64_t i) const { return n / 2 - bins / 2 - i; }
  MIXNET_ON_DEVICE int64_t last(int64_t i) const { return n / 2 + bins / 2 + i + 1; }
};

}  // namespace mixnet::op::calibrate_entropy

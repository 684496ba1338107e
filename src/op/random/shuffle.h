// The swaps of a shuffle (Fisher and Yates, 1938): place i, from the last to the second, with partner(i).
#pragma once
#include "base/philox.h"

namespace mixnet::op::shuffle {

// In [0, i].
MIXNET_ON_DEVICE inline int64_t partner(const PhiloxKey& key, int64_t i) {
  const PhiloxBlock block = philox(key, static_cast<uint64_t>(i));
  return static_cast<int64_t>(uniform_double(block.word[0], block.word[1]) * static_cast<double>(i + 1));
}

}  // namespace mixnet::op::shuffle

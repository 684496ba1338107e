// A group of one member, for code that GPUs run with groups of threads (op/core/gpu/launch.h) and CPUs with one.
#pragma once
#include <cstdint>

#include "base/on_device.h"

namespace mixnet {

struct Alone {
  MIXNET_ON_DEVICE static constexpr int rank() { return 0; }
  MIXNET_ON_DEVICE static constexpr int size() { return 1; }
  MIXNET_ON_DEVICE static void wait() {}
};

}  // namespace mixnet

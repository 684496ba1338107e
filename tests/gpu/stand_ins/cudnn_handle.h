// What cuDNN's stand-in has for a handle.
#pragma once
#include "device/emulated/emulated_native.h"

namespace stand_in {

struct Handle {
  const mixnet::EmulatedNative* stream = nullptr;
};

}  // namespace stand_in

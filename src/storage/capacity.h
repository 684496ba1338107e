// What a device could hold at most: asked before anything is made for a tensor that can never be.
#pragma once
#include <cstdint>

#include "device/device_id.h"

namespace mixnet {

// The cap of the device's pool or, without one, the device's whole memory; int64's maximum where that is not known. No lock, some
// nanoseconds.
int64_t storage_capacity(DeviceId device);

}  // namespace mixnet

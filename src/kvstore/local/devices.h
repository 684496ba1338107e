// What a store of one process does about devices: values are summed, updated and copied where the stored one is.
#pragma once
#include <vector>

#include "ndarray/ndarray.h"

namespace mixnet {

// Whether one of the two is a GPU and the other another device.
bool apart(DeviceId a, DeviceId b);
// The value, or a copy of it on that device.
NDArray brought(const NDArray& value, DeviceId device, int priority);
// Throws Code::unsupported for an array on a GPU.
void check_host(const NDArray& array, const char* what);

}  // namespace mixnet

#include "kvstore/local/devices.h"

namespace mixnet {

bool apart(DeviceId a, DeviceId b) { return a != b && !(a.host() && b.host()); }

NDArray brought(const NDArray& value, DeviceId device, int priority) {
  if (!apart(value.device(), device)) return value;
  NDArray here(value.shape(), value.dtype(), device);
  copy(value, here, priority);
  return here;
}

void check_host(const NDArray& array, const char* what) {
  MIXNET_CHECK(array.device().host(), unsupported, "[kvstore ", what, "] expected arrays on the CPU, got one on ",
               array.device().str());
}

}  // namespace mixnet

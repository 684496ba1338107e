// Arrays of one value on a device, and what is in an array.
#pragma once
#include "ndarray/values.h"

namespace mixnet::test {

inline NDArray filled(float value, DeviceId device = {DeviceKind::gpu, 0}, int64_t n = 1000) {
  NDArray a({n}, DType::f32, device);
  const std::vector<float> values(static_cast<size_t>(n), value);
  a.copy_from_host(values.data(), a.bytes());
  return a;
}

}  // namespace mixnet::test

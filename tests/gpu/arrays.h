// Arrays of one value, and what is in an array, wherever it is.
#pragma once
#include <vector>

#include "ndarray/ndarray.h"

namespace mixnet::test {

inline NDArray filled(float value, DeviceId device = {DeviceKind::gpu, 0}, int64_t n = 64) {
  NDArray a({n}, DType::f32, device);
  const std::vector<float> values(static_cast<size_t>(n), value);
  a.copy_from_host(values.data(), a.bytes());
  return a;
}

inline std::vector<float> values(const NDArray& a) {
  std::vector<float> v(static_cast<size_t>(a.size()));
  a.copy_to_host(v.data(), a.bytes());
  return v;
}

}  // namespace mixnet::test

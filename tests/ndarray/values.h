// What is in an array of floats, wherever it is.
#pragma once
#include <vector>

#include "ndarray/ndarray.h"

namespace mixnet::test {

inline std::vector<float> values(const NDArray& a) {
  std::vector<float> v(static_cast<size_t>(a.size()));
  a.copy_to_host(v.data(), a.bytes());
  return v;
}

}  // namespace mixnet::test

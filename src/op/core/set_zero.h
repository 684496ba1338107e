// Clears a tensor, which may be empty and without memory.
#pragma once
#include <cstring>

#include "device/tensor_view.h"

namespace mixnet {

inline void set_zero(const TensorView& v) {
  if (v.data && v.bytes() > 0) std::memset(v.data, 0, static_cast<size_t>(v.bytes()));
}

}  // namespace mixnet

// For kernels that move elements and never look at them.
#pragma once
#include "base/dtype.h"

namespace mixnet::gpu {

// f(type tag) with an unsigned type of the dtype's size.
template <class F>
void dispatch_items(DType dtype, F&& f) {
  switch (dtype_size(dtype)) {
    case 1: return f(TypeTag<uint8_t>{});
    case 2: return f(TypeTag<uint16_t>{});
    case 4: return f(TypeTag<uint32_t>{});
    default: return f(TypeTag<uint64_t>{});
  }
}

}  // namespace mixnet::gpu

// Elements as words of their size, for kernels that only carry them about.
#pragma once
#include <cstdint>

#include "base/dtype.h"

namespace mixnet::gpu {

// Calls f(TypeTag<uint8_t, uint16_t, uint32_t or uint64_t>{}).
template <class F>
void dispatch_words(int64_t item, F&& f) {
  if (item == 1) f(TypeTag<uint8_t>{});
  else if (item == 2) f(TypeTag<uint16_t>{});
  else if (item == 4) f(TypeTag<uint32_t>{});
  else f(TypeTag<uint64_t>{});
}

}  // namespace mixnet::gpu

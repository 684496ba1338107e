// Sums of equal arrays.
#pragma once
#include <cstdint>

#include "base/dtype.h"

namespace mixnet {

// sum += value, element by element, on this thread; 16-bit sums are made in float32.
void add_to(DType dtype, void* sum, const void* value, int64_t count);

}  // namespace mixnet

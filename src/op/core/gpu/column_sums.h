// sums[c] = the sum of x over its first and its last axis, x being (outer, columns, inner) of a float dtype: the gradient of a bias.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "device/stream.h"

namespace mixnet::gpu {

void column_sums(Stream& stream, DType dtype, const void* x, int64_t outer, int64_t columns, int64_t inner, void* sums);

}  // namespace mixnet::gpu

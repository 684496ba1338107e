// Converts every element of one tensor on a GPU to the dtype of another of the same size, as op/core/convert.h does on a CPU.
#pragma once
#include "device/stream.h"
#include "device/tensor_view.h"

namespace mixnet::gpu {

// `to` may be `from` where elements are of equal size.
void convert(Stream& stream, const TensorView& from, const TensorView& to);

}  // namespace mixnet::gpu

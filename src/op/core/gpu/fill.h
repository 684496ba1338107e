// Fills a tensor on a GPU with a number, as its dtype has it.
#pragma once
#include "device/stream.h"
#include "device/tensor_view.h"

namespace mixnet::gpu {

void fill(Stream& stream, const TensorView& to, double value);

}  // namespace mixnet::gpu

// Copies and zeros for kernels that only move elements: with a stream they are put there, without one they are done here. So one
// function serves as the kernel for CPUs and the one for GPUs.
#pragma once
#include "device/stream.h"
#include "device/tensor_view.h"
#include "op/core/strided_loop.h"

namespace mixnet {

// Elements of `item` bytes along a loop of (output, input).
void copy_strided(Stream* stream, const StridedLoop<2>& loop, void* output, const void* input, int64_t item);
// Nothing where both are one place.
void copy_bytes(Stream* stream, void* output, const void* input, int64_t bytes);
// An empty tensor may have no memory.
void set_zero(Stream* stream, const TensorView& v);

using StridedCopy = void (*)(Stream& stream, const StridedLoop<2>& loop, void* output, const void* input, int64_t item);
// By the backend of GPUs, before the first kernel runs.
void set_strided_copy_on_gpu(StridedCopy copy);

}  // namespace mixnet

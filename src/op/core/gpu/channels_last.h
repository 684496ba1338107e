// Channels last, (N, ..., C), as tensor cores want their operands: a layout (op/core/layout.h) in which kernels of GPUs give values to one another inside a
// plan. Kernels convert where a neighbour has its channels second.
#pragma once
#include <atomic>

#include "device/stream.h"
#include "op/core/kernel.h"

namespace mixnet::gpu {

// For a tensor of shape (N, C, ...). Null where it is no other than row-major: one channel, one pixel, or no pixels at all.
LayoutPtr channels_last(const Shape& shape, DType dtype);
// Whether a kernel is prepared for an input that comes so.
bool comes_last(const PrepareContext& context, size_t input);

// From (N, C, ...), which `shape` is, to (N, ..., C); and back.
void to_channels_last(Stream& stream, const Shape& shape, DType dtype, void* to, const void* from);
void to_channels_first(Stream& stream, const Shape& shape, DType dtype, void* to, const void* from);
// Of both, in this process.
std::atomic<int64_t>& channel_conversions();

enum class LayoutWish { as_fits, first, last };
// What MIXNET_GPU_LAYOUT says.
LayoutWish layout_wish();

}  // namespace mixnet::gpu

// A tensor of a kernel that computes with channels last: it comes or is taken so where the plan keeps it so, and is else converted through workspace.
#pragma once
#include "op/core/gpu/channels_last.h"

namespace mixnet::op {

struct LastSide {
  LastSide() = default;
  explicit LastSide(const TensorView& v)
      : shape(v.shape), dtype(v.dtype), layout(gpu::channels_last(v.shape, v.dtype)) {}

  static size_t rounded(size_t bytes) { return (bytes + 255) / 256 * 256; }
  bool converts() const { return layout && !adopted; }
  // Of workspace.
  size_t room() const { return converts() ? rounded(static_cast<size_t>(layout->bytes())) : 0; }
  // With channels last, of what comes as `data`; takes its room from `at`.
  void* last(Stream& stream, void* data, char*& at) const {
    if (!converts()) return data;
    gpu::to_channels_last(stream, shape, dtype, at, data);
    return place(data, at);
  }
  // Where a result is to be put; then `give` brings it to `data`.
  void* place(void* data, char*& at) const {
    if (!converts()) return data;
    void* const to = at;
    at += room();
    return to;
  }
  void give(Stream& stream, void* data, const void* last) const {
    if (converts()) gpu::to_channels_first(stream, shape, dtype, data, last);
  }

  Shape shape;
  DType dtype = DType::f32;
  LayoutPtr layout;  // null: no other than row-major
  bool adopted = false;
};

}  // namespace mixnet::op

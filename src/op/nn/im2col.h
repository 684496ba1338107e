// Parameters and geometry of im2col and col2im, shared with their device siblings.
#pragma once
#include "op/core/builder.h"
#include "op/nn/window.h"

namespace mixnet::op::im2col {

struct Params {
  Shape kernel, stride{}, dilate{}, pad{}, output_size{};
};

// One image of the shape (N, C, spatial...).
inline Image image_of(const Window& w, const Shape& s) {
  Image m;
  m.channels = s[1];
  const int lead = 3 - w.dims;
  for (int i = 0; i < w.dims; ++i) {
    m.in[lead + i] = s[2 + i];
    m.out[lead + i] = w.positions(i, s[2 + i]);
  }
  return m;
}
// walk_columns wants the innermost axis last.
inline Window trailing(const Params& p) {
  Window w(p.kernel, p.stride, p.dilate, p.pad), moved = w;
  for (int i = 0; i < 3; ++i) {
    const int from = i - (3 - w.dims);
    moved.kernel[i] = from < 0 ? 1 : w.kernel[from];
    moved.stride[i] = from < 0 ? 1 : w.stride[from];
    moved.dilate[i] = from < 0 ? 1 : w.dilate[from];
    moved.pad[i] = from < 0 ? 0 : w.pad[from];
  }
  return moved;
}

}  // namespace mixnet::op::im2col

// The parameters of Correlation, and how many patches and displacements there are.
#pragma once
#include "base/shape.h"

namespace mixnet::op::correlation {

struct Params {
  int64_t kernel_size = 1, max_displacement = 1, stride1 = 1, stride2 = 1, pad_size = 0;
  bool is_multiply = true;
};

struct Geometry {
  int64_t radius, side, rows, columns;  // displacements: side * side with side = 2 radius + 1
  Geometry(const Params& p, const Shape& in) : radius(p.max_displacement / p.stride2), side(2 * radius + 1) {
    auto positions = [&p](int64_t extent) {
      const int64_t room = extent + 2 * p.pad_size - 2 * (p.max_displacement + p.kernel_size / 2);
      return room <= 0 ? 0 : (room + p.stride1 - 1) / p.stride1;
    };
    rows = positions(in[2]);
    columns = positions(in[3]);
  }
};

}  // namespace mixnet::op::correlation

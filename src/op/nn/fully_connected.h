// Parameters of FullyConnected, and the matrix it sees, shared with its device siblings.
#pragma once
#include "op/core/builder.h"

namespace mixnet::op::fully_connected {

struct Params {
  int64_t num_hidden = 0;
  bool no_bias = false;
  bool flatten = true;
};

// data as a matrix of rows x depth.
struct Matrix {
  int64_t rows, depth;
  Matrix(const Shape& s, const Params& p) {
    const int split = p.flatten ? std::min(1, s.ndim()) : s.ndim() - 1;
    rows = s.size(0, split);
    depth = s.size(split, s.ndim());
  }
};

}  // namespace mixnet::op::fully_connected

// Parameters of diagonals and triangles as vectors, shared with their device siblings.
#pragma once
#include "op/core/builder.h"

namespace mixnet::op::linalg_triangle {

struct Params {
  int64_t offset = 0;
  bool lower = true;
};

}  // namespace mixnet::op::linalg_triangle

// Parameters of scatter_nd and _scatter_set_nd, shared with the device sibling.
#pragma once
#include "base/shape.h"

namespace mixnet::op::gather_nd {

struct Params {
  Shape shape;
};

}  // namespace mixnet::op::gather_nd

// The parameters of moments.
#pragma once
#include "op/reduce/reduction.h"

namespace mixnet::op::moments {

struct Params {
  std::optional<Shape> axes;
  bool keepdims = false;
  ReduceParams reduce() const { return {axes, keepdims, false}; }
};

}  // namespace mixnet::op::moments

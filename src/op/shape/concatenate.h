// Parameters of Concat, shared with its device siblings.
#pragma once
#include <cstdint>

namespace mixnet::op::concatenate {

struct Params {
  int64_t num_args = 1, dim = 1;
};

}  // namespace mixnet::op::concatenate

// Parameters of all_finite and multi_all_finite.
#pragma once
#include <cstdint>

namespace mixnet::op::all_finite {

struct Params {
  int64_t num_arrays = 1;
  bool init_output = true;
};

}  // namespace mixnet::op::all_finite

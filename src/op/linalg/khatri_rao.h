// Parameters of khatri_rao, shared with its device siblings.
#pragma once
#include "op/core/builder.h"

namespace mixnet::op::khatri_rao {

struct Params {
  int64_t num_args = 1;
};

}  // namespace mixnet::op::khatri_rao

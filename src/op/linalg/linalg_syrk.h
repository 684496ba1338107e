// Parameters of linalg_syrk, shared with its device siblings.
#pragma once
#include "op/core/builder.h"

namespace mixnet::op::linalg_syrk {

struct Params {
  bool transpose = false;
  double alpha = 1;
};

}  // namespace mixnet::op::linalg_syrk

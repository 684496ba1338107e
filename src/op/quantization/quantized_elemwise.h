// Parameters of _contrib_quantized_elemwise_add and _mul.
#pragma once
#include "op/core/quantized.h"

namespace mixnet::op::quantized_elemwise {

namespace q = mixnet::quantized;

struct Params : q::Calibrated {
  bool enable_float_output = false;
};

}  // namespace mixnet::op::quantized_elemwise

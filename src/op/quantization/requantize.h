// Parameters of _contrib_dequantize and _contrib_requantize.
#pragma once
#include "op/core/quantized.h"

namespace mixnet::op::requantize {

namespace q = mixnet::quantized;

enum class Float { float32 };
struct DequantizeParams {
  Float type = Float::float32;
};
struct Params : q::Calibrated {
  q::OutType type = q::OutType::int8;
};

}  // namespace mixnet::op::requantize

// Parameters of the operators that quantise.
#pragma once
#include "op/core/quantized.h"

namespace mixnet::op::quantize {

namespace q = mixnet::quantized;

enum class ByteType { int8, uint8 };
struct Params {
  ByteType type = ByteType::uint8;
};
struct ParamsV2 : q::Calibrated {
  q::OutType type = q::OutType::int8;
};

}  // namespace mixnet::op::quantize

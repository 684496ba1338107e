// Parameters of the full layers on 8-bit numbers, shared with their device siblings.
#pragma once
#include "op/core/int8_finish.h"
#include "op/nn/fully_connected.h"

namespace mixnet::op::quantized_fully_connected {

using fully_connected::Matrix;
using Params = fully_connected::Params;
struct JoinedParams : Params, Int8Finish {};

}  // namespace mixnet::op::quantized_fully_connected

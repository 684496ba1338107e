// An operator together with pointwise operators on its first output, its tail, so that the output is stored once.
//
// A kernel that takes the tail along applies it to values it still holds. Where none does, the operator's ordinary kernel runs, and
// then the tail over its result.
#pragma once
#include "op/core/fused.h"

namespace mixnet {

// Whether some kernel for the device takes this tail along. Input 0 of the tail is the operator's output 0; the tail has one output,
// of the same shape and dtype.
bool takes_tail(const OpSchema& op, const FusedGroup& tail, DeviceId device);

// Inputs: the operator's, then the tail's but its first. Outputs: the operator's, the first one replaced by the tail's.
std::shared_ptr<const OpSchema> make_tailed_operator(const OpSchema& op, ParamsPtr params, FusedGroup tail);

}  // namespace mixnet

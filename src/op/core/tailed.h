// An operator together with pointwise operators on its first output, its tail, so that the output is stored once.
//
// A kernel that takes the tail along applies it to values it still holds. Where none does, on a CPU, the operator's ordinary kernel runs, and
// then the tail over its result.
#pragma once
#include "op/core/fused.h"

namespace mixnet {

// What makes an operator's kernels with tails for GPUs, where something that can is linked. They are always right: what a library does not do
// at once is done by our own kernels.
struct TailOnGpu {
  bool (*takes)(const FusedGroup& tail);
  PrepareFn prepare;  // as TailKernel::prepare
};
void offer_tail_on_gpu(const std::string& op, const TailOnGpu& tail);

// Whether some kernel for the device takes any tail along.
bool takes_tails(const OpSchema& op, DeviceId device);
// Whether one takes this tail along. Input 0 of the tail is the operator's output 0; the tail has one output,
// of the same shape and dtype.
bool takes_tail(const OpSchema& op, const FusedGroup& tail, DeviceId device);

// Inputs: the operator's, then the tail's but its first. Outputs: the operator's, the first one replaced by the tail's.
std::shared_ptr<const OpSchema> make_tailed_operator(const OpSchema& op, ParamsPtr params, FusedGroup tail,
                                                     DeviceId device);

// A tail, then another one on what it gives, as one.
FusedGroup joined_tails(const FusedGroup& first, const FusedGroup& second);

}  // namespace mixnet

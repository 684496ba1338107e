// A tail of pointwise operators (op/core/tailed.h) as the finish of a convolution on a GPU: at most one sum, then at most one activation.
#pragma once
#include <optional>

#include "op/core/fused.h"
#include "op/core/gpu/convolve.h"

namespace mixnet::gpu {

// The residual is input 1 of the group. Nothing where the group is another one.
std::optional<Finish> finish_of(const FusedGroup& group);

inline bool takes_tail(const FusedGroup& group) { return finish_of(group).has_value(); }

}  // namespace mixnet::gpu

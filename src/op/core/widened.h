// 16-bit floats by a float32 kernel: for a provider that has none of their own, as oneDNN for float16 on most CPUs.
//
// All 16-bit inputs are converted into workspace before the kernel runs and all outputs after it: two passes over each and twice
// its bytes of memory, little beside a convolution. Kernels that change 16-bit inputs in place do not come here.
#pragma once
#include "op/core/kernel.h"

namespace mixnet {

// nullptr: nothing is 16 bits wide, or the provider cannot do it in float32 either.
std::unique_ptr<Kernel> prepare_widened(PrepareFn prepare, const PrepareContext& context);

}  // namespace mixnet

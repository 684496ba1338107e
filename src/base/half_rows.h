// Runs of 16-bit floats to and from float, several at a time.
//
// The values are those of the conversions in base/half.h. The two sides do not overlap.
#pragma once
#include "base/half.h"

namespace mixnet {

void widen(const bf16* from, float* to, int64_t n);
void widen(const f16* from, float* to, int64_t n);
void narrow(const float* from, bf16* to, int64_t n);
void narrow(const float* from, f16* to, int64_t n);

}  // namespace mixnet

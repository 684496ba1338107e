// Sums of equal arrays: what devices or workers pushed for one key.
//
// Element by element from the first value to the last, whatever the number of threads: the same values give the same bits. Integers wrap;
// 16-bit floats are summed in float32 and rounded once.
//
// Cost: every value is read once and the sum is written once. A part that fits into the cache nearest to the core is taken through all values
// before the next one, and parts are shared out over the library's threads. Sums above some megabytes are written past the caches.
#pragma once
#include <string>

#include "base/span.h"
#include "ndarray/ndarray.h"

namespace mixnet {

// out = values[0] + values[1] + ..., `count` elements each; one value is copied. No value overlaps `out`.
void sum_values(DType dtype, Span<const void* const> values, void* out, int64_t count);

// sum += value, on this thread alone: for sums that grow as values arrive. Two 16-bit floats are added in float32 and rounded, every time.
void add_to(DType dtype, void* sum, const void* value, int64_t count);

}  // namespace mixnet

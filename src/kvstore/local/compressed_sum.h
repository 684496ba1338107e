// The sum of what is left of several gradients after compression, as if every device had sent codes.
#pragma once
#include <string>
#include <vector>

#include "base/span.h"
#include "kvstore/compression.h"
#include "ndarray/ndarray.h"

namespace mixnet {

// What a sender has not sent yet. Work on it is ordered by the engine variable of `order`, an array without memory: the variable of
// the values themselves would take over the error of a gradient that failed.
struct Residual {
  NDArray values, order{Shape{1}, DType::u8};
};
// Zeros, for arrays like this one of float32.
Residual make_residual(const NDArray& like);

// Through the engine, like push_sum; all arrays are float32, residuals[k] belongs to values[k]. Cost: one pass over values and residuals, in
// parts that stay in the cache, shared out over the library's threads.
void push_compressed_sum(const Compression& how, Span<const NDArray> values, Span<const Residual> residuals,
                         const NDArray& target, Span<Variable* const> writes, const std::string& what, int priority);

}  // namespace mixnet

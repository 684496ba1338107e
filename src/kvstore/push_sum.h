// Sums through the engine: on the CPU by kvstore/reduce.h, on a GPU by an operator.
#pragma once
#include <string>

#include "ndarray/ndarray.h"

namespace mixnet {

// Through the engine, without waiting for room in it: the sum of `values` (equal in shape and dtype, at least one) in `target`. `writes`: what the operation overwrites.
void push_sum(Span<const NDArray> values, const NDArray& target, Span<Variable* const> writes, const std::string& what,
              int priority);

// The sum of `values` in `buffer`, which is made when it does not fit and is to be kept for the next time; of one value that value itself.
NDArray reduce(Span<const NDArray> values, NDArray& buffer, int priority);

}  // namespace mixnet

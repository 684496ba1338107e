// The threads our own kernels share. One pool per process; loops are split into ranges, the caller takes part.
//
// Calls from inside a loop body run serially, so nesting is safe. A forked child starts a fresh pool at first use.
#pragma once
#include <cstdint>

#include "base/function_ref.h"

namespace mixnet {

// Threads that take part in a loop: MIXNET_CPU_NTHREADS, else the number of cores this process may use.
int parallel_threads();
void set_parallel_threads(int count);

// Calls body(first, last) on disjoint ranges that cover [0, n), each of at least `grain` iterations.
// Returns when all are done; the first exception of a body is thrown again here.
void parallel_for(int64_t n, int64_t grain, FunctionRef<void(int64_t, int64_t)> body);

}  // namespace mixnet

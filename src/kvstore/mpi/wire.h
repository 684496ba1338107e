// How arrays travel between ranks: as which type, and how the devices' arrays become one on the way.
//
// float16 and bfloat16 travel as float32: sums are rounded once, at the end. Devices are added in their order.
#pragma once
#include <vector>

#include "kvstore/mpi/plugin.h"
#include "ndarray/ndarray.h"

namespace mixnet::mpi {

// Throws Code::type for bool, naming `place`.
Type wire_type(DType dtype, const char* place);
int64_t wire_size(Type type);
// Whether an element in memory and one on the wire are the same.
inline bool travels_as_is(DType dtype, Type type) { return dtype_size(dtype) == wire_size(type); }

// Elements [first, first + count) of the sum of `sources` (equal shapes and dtypes, in the host's memory), to be sent.
void pack(const std::vector<NDArray>& sources, int64_t first, int64_t count, void* wire);
// The other way: what arrived.
void unpack(const void* wire, const NDArray& target, int64_t first, int64_t count);

}  // namespace mixnet::mpi

// Sparse arrays from their parts, and the parts of sparse arrays.
#pragma once
#include "ndarray/ndarray.h"

namespace mixnet {

enum class SparsePart : int32_t { values = 0, indices = 1, indptr = 2 };

// A sparse array with copies of the parts; indices and indptr are int64 (indptr none() for row_sparse). Waits for them. They may come from
// anywhere: throws `[place] indices: expected ..., got ...` for numbers out of range, rows that are named twice, counts that do not fit.
// What is out of order is sorted.
NDArray make_sparse(const std::string& place, StorageKind kind, const Shape& shape, const NDArray& values,
                    const NDArray& indices, const NDArray& indptr);
// A copy of a part, dense, whose length is known once the array is written.
NDArray sparse_part(const NDArray& array, SparsePart part);
// A dense copy, made now by the calling thread; waits for the array. For where no operators are.
NDArray dense_copy(const NDArray& array);

}  // namespace mixnet

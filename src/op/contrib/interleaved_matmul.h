// The parameter of _contrib_interleaved_matmul_*, and where the matrices of a projection are.
#pragma once
#include "device/tensor_view.h"

namespace mixnet::op::interleaved_matmul {

struct Params {
  int64_t heads = 1;
};

// One part of a projection: matrices (length, d), one per batch item and head, with a common distance of rows.
template <class T>
struct Part {
  T* data;
  int64_t length, batch, heads, parts, d, index;
  Part(const TensorView& v, int64_t number_of_heads, int64_t number_of_parts, int64_t which)
      : data(v.as<T>()),
        length(v.shape[0]),
        batch(v.shape[1]),
        heads(number_of_heads),
        parts(number_of_parts),
        d(v.shape[2] / (heads * parts)),
        index(which) {}
  int64_t pitch() const { return batch * heads * parts * d; }
  T* matrix(int64_t i) const { return data + (i * parts + index) * d; }
};

}  // namespace mixnet::op::interleaved_matmul

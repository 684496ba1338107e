// Rows brought to mean 0 and variance 1 on GPUs, then scaled and shifted: what LayerNorm, InstanceNorm and GroupNorm run. The formulas are those
// of op/nn/normalize.h; all pointers are to elements of `dtype`.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "device/stream.h"

namespace mixnet::gpu {

// Row (o, i) has the elements (o * length + k) * inner + i. gamma is indexed by k when `groups` is 0, else by o % groups.
struct Rows {
  int64_t outer, length, inner, groups;
  DType dtype;
};

void normalize(Stream& stream, const Rows& rows, double eps, const void* x, const void* gamma, const void* beta,
               void* y, void* mean, void* std);
// Bytes of workspace that backward is to have.
size_t normalize_backward_workspace(const Rows& rows);
void normalize_backward(Stream& stream, const Rows& rows, const void* dy, const void* x, const void* gamma,
                        const void* mean, const void* std, void* dx, void* dgamma, void* dbeta, void* workspace);

}  // namespace mixnet::gpu

// Copies inside an engine task, for tasks that do more than copy.
#pragma once
#include "ndarray/ndarray.h"

namespace mixnet {

// From or to a GPU, another device, dense: the operation ends when the bytes have arrived. Not in a task that was pushed as small.
void copy_over(const NDArray& from, const NDArray& to);

}  // namespace mixnet

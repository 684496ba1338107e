// DLPack 0.8: arrays to and from other libraries without a copy (dmlc.github.io/dlpack).
#pragma once
#include "ndarray/ndarray.h"

namespace mixnet {

// A DLManagedTensor that keeps the array alive until its deleter runs. Waits for the values.
void* to_dlpack(const NDArray& array);
// Takes a DLManagedTensor over. Throws Code::unsupported for gaps between elements or foreign dtypes; then it stays the caller's.
NDArray from_dlpack(void* managed);

}  // namespace mixnet

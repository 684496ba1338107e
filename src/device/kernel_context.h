// What a kernel may use besides its tensors. Valid during one run.
#pragma once
#include <cstddef>

#include "base/philox.h"
#include "device/tensor_view.h"

namespace mixnet {

class Stream;

// Gives memory to outputs whose size only the kernel can say. What was there is lost.
class OutputMemory {
 public:
  virtual ~OutputMemory() = default;
  // Of an output whose shape was not known before the run.
  virtual TensorView dense(int output, const Shape& shape) const = 0;
  // Of a sparse output: room for `count` stored rows or elements; indptr is zero.
  virtual const SparseView& sparse(int output, int64_t count) const = 0;
};

struct KernelContext {
  Stream* stream = nullptr;   // where a GPU's kernels go; nullptr on a CPU
  void* workspace = nullptr;  // as many bytes as the kernel asked for when it was prepared, 64-byte aligned
  PhiloxKey random;           // this draw's key, when the operator said it draws random numbers
  bool training = false;
  const OutputMemory* memory = nullptr;  // set for operators that give sparse outputs, or dense ones of unknown shape
};

}  // namespace mixnet

// What a kernel may use besides its tensors. Valid during one run.
#pragma once
#include <cstddef>

#include "base/philox.h"

namespace mixnet {

struct KernelContext {
  void* stream = nullptr;     // the device's queue; nullptr on a CPU
  void* workspace = nullptr;  // as many bytes as the kernel asked for when it was prepared, 64-byte aligned
  PhiloxKey random;           // this draw's key, when the operator said it draws random numbers
  bool training = false;
};

}  // namespace mixnet

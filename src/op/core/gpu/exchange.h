// Puts a value somewhere and gives what was there, for any number of threads of a kernel at once: each value is given once.
#pragma once
#include <cstdint>

#include "base/on_device.h"

namespace mixnet::gpu {

MIXNET_ON_DEVICE inline int64_t exchange_at(int64_t* at, int64_t value) {
#if defined(__CUDA_ARCH__)
  return static_cast<int64_t>(
      atomicExch(reinterpret_cast<unsigned long long*>(at), static_cast<unsigned long long>(value)));
#else
  return __atomic_exchange_n(at, value, __ATOMIC_RELAXED);
#endif
}

}  // namespace mixnet::gpu

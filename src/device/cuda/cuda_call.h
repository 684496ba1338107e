// How functions of CUDA's runtime are called: for which device, and what is thrown when one fails.
#pragma once
#include <cuda_runtime_api.h>

#include <string>

#include "base/error.h"
#include "base/fork.h"
#include "device/device_id.h"

namespace mixnet::cuda {

inline std::string name_of(int device) { return DeviceId{DeviceKind::gpu, device}.str(); }

// What CUDA says stays on the device in many cases (an illegal access): whoever calls next is told again. What does not is forgotten here: the thread's
// next launch of a kernel asks for the last error, and would take it for its own.
inline void check(int device, cudaError_t code, const char* what) {
  if (code != cudaSuccess) cudaGetLastError();
  MIXNET_CHECK(code == cudaSuccess, device, "[", name_of(device), "] ", what, ": ", cudaGetErrorString(code));
}

// The device that calls of this thread are for.
inline void use(int device) {
  static const uint32_t generation = fork_generation();
  MIXNET_CHECK(
      fork_generation() == generation, device, "[", name_of(device),
      "] CUDA was used before this process was forked: start the process anew, or use the GPU in the children only");
  check(device, cudaSetDevice(device), "cudaSetDevice");
}

}  // namespace mixnet::cuda

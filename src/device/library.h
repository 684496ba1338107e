// Libraries of CUDA that are opened when they are first needed and asked before our own kernels: cuBLASLt, cuDNN, NCCL.
//
// None is needed to build or to run. One is looked for where the loader looks, then in the packages of the Python that is running and in CUDA's own folder.
#pragma once
#include <memory>
#include <string>

#include "base/system_library.h"

namespace mixnet {

struct GpuLibrary {
  const char* title;    // cuBLASLt
  const char* setting;  // CUBLASLT: MIXNET_CUBLASLT is a path, or 0 for no library
  const char* file;     // libcublasLt.so.13
  const char* package;  // cu13: nvidia/cu13/lib among Python's packages
};

// Null where there is none; `why`, if given, says so in a line. It stays loaded.
// Throws Code::unsupported when the setting names one that cannot be opened: "[gpu] cuBLASLt: expected MIXNET_CUBLASLT to be a library's path, got none at x".
std::unique_ptr<SystemLibrary> open_gpu_library(const GpuLibrary& which, std::string* why = nullptr);

class Stream;
// What such a library takes for a stream: a cudaStream_t, of the device that calls of this thread are for from now on; of an emulated
// stream, an EmulatedNative, which stays as long as the process.
void* library_stream(Stream& stream);

}  // namespace mixnet

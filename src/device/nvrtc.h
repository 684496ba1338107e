// NVIDIA's run-time compiler, a library that is opened when it is first needed; neither it nor its header is needed to build.
#pragma once
#include <string>
#include <vector>

#include "device/runtime_compiler.h"

namespace mixnet {

// "NVRTC 13.0". Throws Code::unsupported where there is none, or one that is too old.
std::string nvrtc_version();
// The newest architecture it compiles for whose code runs on a GPU of compute capability major.minor: "sm_90". Throws Code::unsupported for none.
std::string nvrtc_architecture(int major, int minor);

struct Compiled {
  std::string cubin;
  std::vector<std::string> names;  // of source.kernels, as the cubin has them
};
// Throws Code::invalid with the first error that it prints.
Compiled nvrtc_compile(const KernelSource& source, const std::string& architecture);

}  // namespace mixnet

// What stands behind compile_kernels (runtime_compiler.h), by what is linked: device/cuda, device/emulated, or nothing (device/no_gpu.cc).
#pragma once
#include <string>

#include "device/runtime_compiler.h"

namespace mixnet {

// Whatever a binary depends on besides its source: the compiler, its version, the GPU's architecture. Throws Code::unsupported without a compiler.
std::string kernel_compiler(int device);
// Runs the compiler. Throws Code::invalid with its first error.
std::string compile_binary(int device, const KernelSource& source);
// Of what compile_binary gave, now or in another process.
RuntimeModulePtr load_binary(int device, const KernelSource& source, const std::string& binary);

// Of what a compiler printed, the first error in one line: "[rtc] line 3: identifier "x" is undefined".
std::string first_error(const std::string& log);
// How the source is called in what a compiler prints.
constexpr char source_name[] = "kernel.cu";

}  // namespace mixnet

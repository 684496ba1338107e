// Kernels that are compiled while the program runs, from source in CUDA C.
//
// On CUDA by NVRTC, which is opened when it is first needed; on an emulated GPU by this machine's C++ compiler, behind a prelude with CUDA's words.
// What has been compiled is kept in a table of the process and in files (kernel_files.h): the same source is compiled once on a machine.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "device/stream.h"

namespace mixnet {

struct KernelSource {
  std::string text;
  std::vector<std::string> options;  // as NVRTC takes them
  std::vector<std::string> kernels;  // by name: needed of templates ("scale<float>"), as of all that is not extern "C"
};

struct LaunchShape {
  unsigned grid[3] = {1, 1, 1}, block[3] = {1, 1, 1};
  unsigned shared_bytes = 0;
};

// One of a kernel's arguments: a number, or the address of memory on the device. Read before `launch` returns.
struct KernelArgument {
  const void* value;
  size_t bytes;
};

class RuntimeKernel {
 public:
  virtual ~RuntimeKernel() = default;
  // Puts it on a stream of its device.
  virtual void launch(Stream& stream, const LaunchShape& shape, const std::vector<KernelArgument>& arguments) const = 0;
};
using RuntimeKernelPtr = std::shared_ptr<const RuntimeKernel>;

// The kernels of one source. Whoever holds one of them holds the module.
class RuntimeModule {
 public:
  virtual ~RuntimeModule() = default;
  // Throws Code::invalid where the source has none of that name.
  virtual RuntimeKernelPtr kernel(const std::string& name) const = 0;
};
using RuntimeModulePtr = std::shared_ptr<const RuntimeModule>;

// For gpu(device). Throws Code::unsupported without a compiler, Code::invalid with what it says first: "[rtc] line 3: ...".
RuntimeModulePtr compile_kernels(int device, const KernelSource& source);
// Why there is no compiler for gpu(device), in one line; empty: there is one.
std::string no_runtime_compiler(int device);
// How often a compiler has run in this process.
int64_t runtime_compilations();

}  // namespace mixnet

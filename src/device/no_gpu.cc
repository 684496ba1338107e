// What is linked where there is no backend for GPUs.
#include "base/error.h"
#include "device/gpu.h"
#include "device/kernel_compiler.h"
#include "device/library.h"

namespace mixnet {

const char* gpu_backend() { return "none"; }
int gpu_count() { return 0; }
void* library_stream(Stream& stream) { return stream.native(); }
StreamDevice& gpu_device(int index) { fail(Code::device, "[gpu(", index, ")] this build has no CUDA backend"); }

std::string kernel_compiler(int device) {
  fail(Code::unsupported, "[gpu(", device, ")] this build has no CUDA backend, so nothing is compiled for it");
}
std::string compile_binary(int device, const KernelSource&) { return kernel_compiler(device); }
RuntimeModulePtr load_binary(int device, const KernelSource&, const std::string&) {
  kernel_compiler(device);
  return nullptr;
}

}  // namespace mixnet

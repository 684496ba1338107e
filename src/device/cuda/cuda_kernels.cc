// Kernels that were compiled at run time, by the library functions of CUDA's runtime: a module belongs to all GPUs of its architecture.
#include <cuda_runtime_api.h>

#include <algorithm>

#include "base/error.h"
#include "device/gpu.h"
#include "device/kernel_compiler.h"
#include "device/nvrtc.h"

namespace mixnet {
namespace {

void check_rtc(cudaError_t code, const char* what) {
  if (code != cudaSuccess) cudaGetLastError();  // else the next kernel's launch would be told of it
  MIXNET_CHECK(code == cudaSuccess, device, "[rtc] ", what, ": ", cudaGetErrorString(code));
}

std::string architecture_of(int device) {
  const int gpu = gpu_device(device).id().index;  // throws where there is none
  int major = 0, minor = 0;
  check_rtc(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, gpu), "cudaDeviceGetAttribute");
  check_rtc(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, gpu), "cudaDeviceGetAttribute");
  return nvrtc_architecture(major, minor);
}

class CudaModule;

class CudaKernel final : public RuntimeKernel {
 public:
  CudaKernel(std::shared_ptr<const CudaModule> module, cudaKernel_t kernel)
      : module_(std::move(module)), kernel_(kernel) {}
  void launch(Stream& stream, const LaunchShape& s, const std::vector<KernelArgument>& arguments) const override {
    const auto native = static_cast<cudaStream_t>(stream.native());
    // More than this a kernel must ask for.
    constexpr unsigned usual = 48 << 10;
    if (s.shared_bytes > usual) {
      int device = 0;
      check_rtc(cudaGetDevice(&device), "cudaGetDevice");
      check_rtc(cudaKernelSetAttributeForDevice(kernel_, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                static_cast<int>(s.shared_bytes), device),
                "shared memory");
    }
    std::vector<void*> values;
    for (const KernelArgument& a : arguments) values.push_back(const_cast<void*>(a.value));
    check_rtc(cudaLaunchKernel(reinterpret_cast<const void*>(kernel_), dim3(s.grid[0], s.grid[1], s.grid[2]),
                               dim3(s.block[0], s.block[1], s.block[2]), values.data(), s.shared_bytes, native),
              "launch of a kernel");
  }

 private:
  const std::shared_ptr<const CudaModule> module_;
  const cudaKernel_t kernel_;
};

class CudaModule final : public RuntimeModule, public std::enable_shared_from_this<CudaModule> {
 public:
  CudaModule(std::vector<std::string> names, std::vector<std::string> lowered, std::string cubin)
      : names_(std::move(names)), lowered_(std::move(lowered)), cubin_(std::move(cubin)) {
    check_rtc(cudaLibraryLoadData(&library_, cubin_.data(), nullptr, nullptr, 0, nullptr, nullptr, 0),
              "cudaLibraryLoadData");
  }
  ~CudaModule() override {
    // Its kernels may be on their way; when the device is lost, nothing is.
    try {
      synchronize_gpus();
    } catch (const Error&) {
    }
    cudaLibraryUnload(library_);
  }
  RuntimeKernelPtr kernel(const std::string& name) const override {
    const auto known = std::find(names_.begin(), names_.end(), name);
    const std::string& lowered = known == names_.end() ? name : lowered_[static_cast<size_t>(known - names_.begin())];
    cudaKernel_t found = nullptr;
    if (cudaLibraryGetKernel(&found, library_, lowered.c_str()) == cudaSuccess)
      return std::make_shared<CudaKernel>(shared_from_this(), found);
    cudaGetLastError();
    fail(Code::invalid, "[rtc] kernel: expected an extern \"C\" function of the source or one named in exports, got '",
         name, "'");
  }

 private:
  const std::vector<std::string> names_, lowered_;
  const std::string cubin_;
  cudaLibrary_t library_ = nullptr;
};

}  // namespace

std::string kernel_compiler(int device) { return nvrtc_version() + " " + architecture_of(device); }

// A line per kernel's name, then the cubin.
std::string compile_binary(int device, const KernelSource& source) {
  const Compiled compiled = nvrtc_compile(source, architecture_of(device));
  std::string binary;
  for (const std::string& name : compiled.names) binary += name + "\n";
  return binary + compiled.cubin;
}

RuntimeModulePtr load_binary(int device, const KernelSource& source, const std::string& binary) {
  gpu_device(device);
  std::vector<std::string> lowered;
  size_t at = 0;
  for (size_t i = 0; i < source.kernels.size(); ++i) {
    const size_t end = binary.find('\n', at);
    MIXNET_CHECK(end != std::string::npos, invalid, "[rtc] binary: expected the names of its kernels, got none");
    lowered.push_back(binary.substr(at, end - at));
    at = end + 1;
  }
  return std::make_shared<CudaModule>(source.kernels, std::move(lowered), binary.substr(at));
}

}  // namespace mixnet

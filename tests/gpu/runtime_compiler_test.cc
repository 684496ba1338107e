// Kernels compiled at run time: their arguments and errors, and what is kept of them. On emulated GPUs the machine's C++ compiler stands in for NVRTC.
#include "device/runtime_compiler.h"

#include <dirent.h>
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "base/error.h"
#include "base/setting.h"
#include "device/gpu.h"
#include "device/kernel_compiler.h"
#include "device/kernel_files.h"
#include "device/nvrtc.h"

namespace mixnet::test {
namespace {

// A folder for compiled kernels; its files go with it.
class KernelFolder {
 public:
  KernelFolder() { REQUIRE(mkdtemp(&path_[0])); }
  ~KernelFolder() {
    for (const std::string& file : files()) std::remove(file.c_str());
    rmdir((path_ + "/kernels").c_str());
    rmdir(path_.c_str());
  }
  const std::string& path() const { return path_; }
  std::vector<std::string> files() const {
    std::vector<std::string> found;
    DIR* const folder = opendir((path_ + "/kernels").c_str());
    if (!folder) return found;
    while (const dirent* entry = readdir(folder)) {
      if (entry->d_name[0] != '.') found.push_back(path_ + "/kernels/" + entry->d_name);
    }
    closedir(folder);
    return found;
  }

 private:
  std::string path_ = "/tmp/mixnet-kernels-" + std::string(6, 'X');
};

const char* const axpy = R"(
extern "C" __global__ void axpy(const float* x, float* y, float alpha, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] += alpha * x[i];
}
template <class T> __global__ void twice(T* x) { x[threadIdx.x] *= 2; }
)";

// Floats on gpu(0).
class OnGpu {
 public:
  explicit OnGpu(const std::vector<float>& values) : bytes_(values.size() * sizeof(float)) {
    data_ = gpu_device(0).allocate(bytes_);
    gpu_device(0).copy_from(gpu_device(0), data_, values.data(), bytes_);
  }
  ~OnGpu() { gpu_device(0).deallocate(data_, bytes_); }
  std::vector<float> values() const {
    std::vector<float> v(bytes_ / sizeof(float));
    gpu_device(0).copy_from(gpu_device(0), v.data(), data_, bytes_);
    return v;
  }
  KernelArgument argument() const { return {&data_, sizeof data_}; }

 private:
  const size_t bytes_;
  void* data_;
};

std::string error_of(const KernelSource& source) {
  try {
    compile_kernels(0, source);
    return "no error";
  } catch (const Error& e) {
    CHECK(e.code() == Code::invalid);
    return e.what();
  }
}

}  // namespace

TEST_CASE("gpu: a kernel from source runs on the stream with its arguments") {
  const Setting none("MIXNET_CACHE", "0");
  const OnGpu x({1, 2, 3, 4, 5}), y({10, 10, 10, 10, 10});
  const RuntimeKernelPtr kernel = compile_kernels(0, {axpy, {}, {}})->kernel("axpy");
  LaunchShape shape;
  shape.grid[0] = 3;
  shape.block[0] = 2;
  {
    // Arguments are read when it is launched, not when it runs.
    float alpha = 2;
    const int n = 4;
    kernel->launch(*gpu_device(0).stream(), shape,
                   {x.argument(), y.argument(), {&alpha, sizeof alpha}, {&n, sizeof n}});
    alpha = 100;
  }
  CHECK(y.values() == std::vector<float>{12, 14, 16, 18, 10});
}

TEST_CASE("gpu: a template's kernel by the name of its instance") {
  const Setting none("MIXNET_CACHE", "0");
  const OnGpu x({1, 2, 3});
  LaunchShape shape;
  shape.block[0] = 3;
  compile_kernels(0, {axpy, {}, {"twice<float>"}})
      ->kernel("twice<float>")
      ->launch(*gpu_device(0).stream(), shape, {x.argument()});
  CHECK(x.values() == std::vector<float>{2, 4, 6});
}

TEST_CASE("gpu: what a launch cannot be is an error of the launch") {
  const Setting none("MIXNET_CACHE", "0");
  const OnGpu x({1});
  const RuntimeKernelPtr kernel = compile_kernels(0, {axpy, {}, {"twice<float>"}})->kernel("twice<float>");
  LaunchShape shape;
  shape.block[0] = 2048;
  CHECK_THROWS_WITH_AS(kernel->launch(*gpu_device(0).stream(), shape, {x.argument()}),
                       doctest::Contains("[rtc] launch of a kernel: invalid"), Error);
}

TEST_CASE("gpu: the compiler's first error, in one line, with the line of the source") {
  const Setting none("MIXNET_CACHE", "0");
  const std::string missing = error_of({"extern \"C\" __global__ void f(float* x) {\n  x[0] = y;\n}\n", {}, {"f"}});
  CHECK(missing.rfind("[rtc] line 2: ", 0) == 0);
  CHECK(missing.find('y') != std::string::npos);
  CHECK(missing.find('\n') == std::string::npos);
  CHECK(error_of({axpy, {}, {"nobody"}}).rfind("[rtc] ", 0) == 0);
  // An option reaches the compiler.
  const KernelSource sized{"extern \"C\" __global__ void f(float* x) { x[0] = SIZE; }\n", {"-DSIZE=3"}, {"f"}};
  CHECK(compile_kernels(0, sized)->kernel("f"));
  if (std::string(gpu_backend()) != "emulated") return;
  const std::string wait =
      error_of({"extern \"C\" __global__ void f(float* x) {\n\n  __syncthreads();\n}\n", {}, {"f"}});
  CHECK(wait.rfind("[rtc] line 3: ", 0) == 0);
  CHECK(wait.find("runs the threads of a block one after the other") != std::string::npos);
}

TEST_CASE("gpu: what compilers print") {
  CHECK(first_error("kernel.cu(12): error: identifier \"y\" is undefined\n    x[0] = y;\n\n1 error detected\n") ==
        "[rtc] line 12: identifier \"y\" is undefined");
  CHECK(first_error("kernel.cu(1): catastrophic error: could not open source file \"a.h\"\n") ==
        "[rtc] line 1: could not open source file \"a.h\"");
  CHECK(first_error("kernel.cu: In function 'f':\nkernel.cu:7:9: error: 'y' was not declared\n") ==
        "[rtc] line 7: 'y' was not declared");
  CHECK(first_error("nvrtc: error: unrecognized option --x found\n") == "[rtc] unrecognized option --x found");
  CHECK(first_error("killed\nand more") == "[rtc] the compiler failed: killed");
}

TEST_CASE("gpu: a source is compiled once, and the next program finds it in a file") {
  const KernelFolder folder;
  const Setting setting("MIXNET_CACHE", folder.path());
  const KernelSource source{"extern \"C\" __global__ void once(float* x) { x[0] = 5; }\n", {}, {"once"}};
  const int64_t before = runtime_compilations();
  const RuntimeModulePtr first = compile_kernels(0, source);
  CHECK(runtime_compilations() == before + 1);
  CHECK(compile_kernels(0, source) == first);
  CHECK(runtime_compilations() == before + 1);
  CHECK(folder.files().size() == 1);
}

TEST_CASE("gpu: files of compiled kernels that are damaged, or of another source, are as none") {
  const KernelFolder folder;
  const Setting setting("MIXNET_CACHE", folder.path());
  const std::string binary("\0binary\n", 8);
  CHECK_FALSE(read_kernel_file("key"));
  write_kernel_file("key", binary);
  CHECK(read_kernel_file("key") == binary);
  CHECK_FALSE(read_kernel_file("other"));
  const std::vector<std::string> files = folder.files();
  REQUIRE(files.size() == 1);
  {
    std::FILE* const file = std::fopen(files[0].c_str(), "r+b");
    std::fseek(file, -2, SEEK_END);
    std::fputc('?', file);
    std::fclose(file);
  }
  CHECK_FALSE(read_kernel_file("key"));
  write_kernel_file("key", binary);
  CHECK(read_kernel_file("key") == binary);
  REQUIRE(truncate(files[0].c_str(), 20) == 0);
  CHECK_FALSE(read_kernel_file("key"));
  setenv("MIXNET_CACHE", "0", 1);
  write_kernel_file("more", binary);
  CHECK(folder.files().size() == 1);
}

TEST_CASE("gpu: a machine without NVRTC says what to install") {
  if (std::string(gpu_backend()) != "emulated") return;  // elsewhere it is there, and open
  {
    const Setting setting("MIXNET_NVRTC", "0");
    CHECK_THROWS_WITH_AS(nvrtc_version(), "[gpu] NVRTC: turned off by MIXNET_NVRTC; pip install nvidia-cuda-nvrtc",
                         Error);
  }
  const Setting setting("MIXNET_NVRTC", "/nowhere/libnvrtc.so.13");
  CHECK_THROWS_WITH_AS(nvrtc_version(),
                       "[gpu] NVRTC: expected MIXNET_NVRTC to be a library's path, got none at /nowhere/libnvrtc.so.13",
                       Error);
}

#if defined(MIXNET_STAND_INS)
TEST_CASE("gpu: NVRTC is called as it wants to be, and its errors are told in one line") {
  const std::string path = MIXNET_STAND_INS "/libnvrtc.so";
  const Setting setting("MIXNET_NVRTC", path);
  REQUIRE(nvrtc_version() == "NVRTC 13.0");
  CHECK(nvrtc_architecture(9, 0) == "sm_90");
  CHECK(nvrtc_architecture(8, 9) == "sm_80");
  CHECK_THROWS_WITH_AS(nvrtc_architecture(7, 0),
                       "[rtc] architecture: expected one that NVRTC 13.0 compiles for, got sm_70", Error);
  const Compiled made = nvrtc_compile({"source\n", {"-DN=3"}, {"b", "a<int>"}}, "sm_90");
  CHECK(made.cubin == "--gpu-architecture=sm_90\n-DN=3\nsource\n");
  CHECK(made.names == std::vector<std::string>{"_Z1b", "_Z6a<int>"});
  CHECK_THROWS_WITH_AS(nvrtc_compile({"one\n#error is undefined\n", {}, {"f"}}, "sm_90"), "[rtc] line 2: is undefined",
                       Error);
  CHECK_THROWS_WITH_AS(nvrtc_compile({"", {"--other"}, {}}, "sm_90"), "[rtc] unrecognized option --other found", Error);
  // All programs were given back.
  const auto programs = reinterpret_cast<int (*)()>(dlsym(dlopen(path.c_str(), RTLD_NOW), "stand_in_programs"));
  REQUIRE((programs != nullptr));
  CHECK(programs() == 0);
}
#endif

}  // namespace mixnet::test

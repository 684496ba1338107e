// Kernels for an emulated GPU from source in CUDA C, by this machine's C++ compiler: `c++`, or what MIXNET_CXX names (none: there is none). Threads of a block run one after
// the other, so that a kernel in which they wait for each other does not compile.
#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/environment.h"
#include "base/error.h"
#include "device/emulated/cuda_words.h"
#include "device/emulated/emulated_stream.h"
#include "device/gpu.h"
#include "device/kernel_compiler.h"

extern char** environ;

namespace mixnet {
namespace {

std::string compiler() { return environment_string("CXX", "c++"); }

// A folder that goes with its files.
class Workshop {
 public:
  Workshop() {
    const char* temporary = std::getenv("TMPDIR");
    folder_ = std::string(temporary && *temporary ? temporary : "/tmp") + "/mixnet-kernel-" + std::string(6, 'X');
    MIXNET_CHECK(mkdtemp(&folder_[0]), io, "[rtc] ", folder_, ": expected a folder for temporary files, got none");
  }
  ~Workshop() {
    for (const char* file : {source_name, "log", "kernel.so"}) unlink(path(file).c_str());
    rmdir(folder_.c_str());
  }
  std::string path(const char* file) const { return folder_ + "/" + file; }
  void write(const char* file, const std::string& text) const { std::ofstream(path(file), std::ios::binary) << text; }
  std::string read(const char* file) const {
    std::ifstream in(path(file), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

 private:
  std::string folder_;
};

// Whether the program ended well; what it prints goes to a file.
bool run_program(std::vector<std::string> words, const std::string& log) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(&word[0]);
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&files, 2, 1);
  pid_t child = 0;
  const int code = posix_spawnp(&child, arguments[0], &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  MIXNET_CHECK(code == 0, unsupported, "[rtc] ", words[0], ": expected a C++ compiler, got ", std::strerror(code));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Of NVRTC's options those that other compilers have too.
bool understood(const std::string& option) {
  return option.rfind("-D", 0) == 0 || option.rfind("-I", 0) == 0 || option.rfind("-U", 0) == 0;
}

using Call = void (*)(const unsigned* shape, const void* const* arguments);

struct Opened {
  explicit Opened(const std::string& path) : library(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    MIXNET_CHECK(library, invalid, "[rtc] binary: expected a library, got ", dlerror());
  }
  ~Opened() { dlclose(library); }
  Opened(const Opened&) = delete;
  void* const library;
};

class EmulatedKernel final : public RuntimeKernel {
 public:
  EmulatedKernel(std::shared_ptr<const Opened> module, std::string name, Call call, const size_t* sizes)
      : module_(std::move(module)), name_(std::move(name)), call_(call) {
    for (; *sizes > 0; ++sizes) sizes_.push_back(*sizes);
  }
  void launch(Stream& stream, const LaunchShape& s, const std::vector<KernelArgument>& arguments) const override {
    MIXNET_CHECK(arguments.size() == sizes_.size(), device, "[rtc ", name_, "] arguments: expected ", sizes_.size(),
                 ", got ", arguments.size());
    // As CUDA does, the stream takes copies.
    std::vector<std::array<char, 16>> values(arguments.size());
    for (size_t i = 0; i < arguments.size(); ++i) {
      MIXNET_CHECK(arguments[i].bytes == sizes_[i] && sizes_[i] <= 16, device, "[rtc ", name_, "] argument ", i,
                   ": expected ", sizes_[i], " bytes, got ", arguments[i].bytes);
      std::memcpy(values[i].data(), arguments[i].value, sizes_[i]);
    }
    const uint64_t threads = uint64_t{s.block[0]} * s.block[1] * s.block[2];
    const bool fits = threads > 0 && threads <= 1024 && s.block[2] <= 64 && s.grid[0] > 0 && s.grid[1] > 0 &&
                      s.grid[2] > 0 && s.grid[0] <= 0x7fffffff && s.grid[1] <= 65535 && s.grid[2] <= 65535;
    MIXNET_CHECK(fits, device, "[rtc] launch of a kernel: invalid configuration argument");
    static_cast<EmulatedStream&>(stream).push([module = module_, call = call_, s, values = std::move(values)] {
      std::vector<const void*> pointers;
      for (const auto& value : values) pointers.push_back(value.data());
      const unsigned shape[6] = {s.grid[0], s.grid[1], s.grid[2], s.block[0], s.block[1], s.block[2]};
      call(shape, pointers.data());
    });
  }

 private:
  const std::shared_ptr<const Opened> module_;
  const std::string name_;
  const Call call_;
  std::vector<size_t> sizes_;
};

class EmulatedModule final : public RuntimeModule {
 public:
  EmulatedModule(int device, KernelSource source, std::shared_ptr<const Opened> opened)
      : device_(device), source_(std::move(source)), opened_(std::move(opened)) {}
  RuntimeKernelPtr kernel(const std::string& name) const override {
    const auto known = std::find(source_.kernels.begin(), source_.kernels.end(), name);
    if (known == source_.kernels.end()) {
      KernelSource more = source_;
      more.kernels.push_back(name);
      return compile_kernels(device_, more)->kernel(name);
    }
    const std::string number = std::to_string(known - source_.kernels.begin());
    const auto call = reinterpret_cast<Call>(dlsym(opened_->library, ("mixnet_call_" + number).c_str()));
    const auto sizes =
        reinterpret_cast<const size_t* (*)()>(dlsym(opened_->library, ("mixnet_sizes_" + number).c_str()));
    MIXNET_CHECK(call && sizes, invalid, "[rtc] binary: expected kernel '", name, "', got none");
    return std::make_shared<EmulatedKernel>(opened_, name, call, sizes());
  }

 private:
  const int device_;
  const KernelSource source_;
  const std::shared_ptr<const Opened> opened_;
};

}  // namespace

std::string kernel_compiler(int device) {
  gpu_device(device);
  MIXNET_CHECK(compiler() != "none", unsupported, "[rtc] MIXNET_CXX: expected a C++ compiler, got none");
  return "emulated by " + compiler();
}

std::string compile_binary(int, const KernelSource& source) {
  const Workshop workshop;
  std::string text =
      concat(cuda_words, "#line 1 \"", source_name, "\"\n", source.text, "\n#line 1 \"kernels\"\n", cuda_calls);
  for (size_t i = 0; i < source.kernels.size(); ++i)
    text += concat("MIXNET_KERNEL(", i, ", ", source.kernels[i], ")\n");
  workshop.write(source_name, text);
  std::vector<std::string> words{compiler(), "-std=c++17", "-O1", "-w", "-fPIC", "-shared", "-fvisibility=hidden"};
  std::copy_if(source.options.begin(), source.options.end(), std::back_inserter(words), understood);
  for (const std::string& word : {std::string("-x"), std::string("c++"), workshop.path(source_name), std::string("-o"),
                                  workshop.path("kernel.so")})
    words.push_back(word);
  MIXNET_CHECK(run_program(words, workshop.path("log")), invalid, first_error(workshop.read("log")));
  return workshop.read("kernel.so");
}

RuntimeModulePtr load_binary(int device, const KernelSource& source, const std::string& binary) {
  const Workshop workshop;
  workshop.write("kernel.so", binary);
  return std::make_shared<EmulatedModule>(device, source, std::make_shared<Opened>(workshop.path("kernel.so")));
}

}  // namespace mixnet

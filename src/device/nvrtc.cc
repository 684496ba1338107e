#include "device/nvrtc.h"

#include <dlfcn.h>

#include <algorithm>

#include "base/error.h"
#include "device/kernel_compiler.h"
#include "device/library.h"

namespace mixnet {
namespace {

// As NVRTC 11.2 and later have them.
using Program = void*;
constexpr int nvrtc_success = 0;

struct Nvrtc {
  const SystemLibrary& library;
  int (*version)(int* major, int* minor);
  int (*create)(Program*, const char* text, const char* name, int num_headers, const char* const* headers,
                const char* const* header_names);
  int (*destroy)(Program*);
  int (*add_name)(Program, const char*);
  int (*compile)(Program, int num_options, const char* const* options);
  int (*log_size)(Program, size_t*);
  int (*log)(Program, char*);
  int (*cubin_size)(Program, size_t*);
  int (*cubin)(Program, char*);
  int (*lowered_name)(Program, const char*, const char**);
  int (*num_architectures)(int*);
  int (*architectures)(int*);
  const char* (*error_string)(int);

  explicit Nvrtc(const SystemLibrary& opened) : library(opened) {
    const char* least = "11.2";
    library.find(version, "nvrtcVersion", least);
    library.find(create, "nvrtcCreateProgram", least);
    library.find(destroy, "nvrtcDestroyProgram", least);
    library.find(add_name, "nvrtcAddNameExpression", least);
    library.find(compile, "nvrtcCompileProgram", least);
    library.find(log_size, "nvrtcGetProgramLogSize", least);
    library.find(log, "nvrtcGetProgramLog", least);
    library.find(cubin_size, "nvrtcGetCUBINSize", least);
    library.find(cubin, "nvrtcGetCUBIN", least);
    library.find(lowered_name, "nvrtcGetLoweredName", least);
    library.find(num_architectures, "nvrtcGetNumSupportedArchs", least);
    library.find(architectures, "nvrtcGetSupportedArchs", least);
    library.find(error_string, "nvrtcGetErrorString", least);
    open_builtins();
  }
  // It opens a second library by name alone, which the system does not find in the folder of a wheel; one that is open already is found.
  void open_builtins() const {
    Dl_info info;
    int major = 0, minor = 0;
    check(version(&major, &minor), "nvrtcVersion");
    if (!dladdr(library.symbol("nvrtcVersion"), &info) || !info.dli_fname) return;
    const std::string own = info.dli_fname;
    const size_t slash = own.rfind('/');
    if (slash == std::string::npos) return;
    const std::string beside = concat(own.substr(0, slash), "/libnvrtc-builtins.so.", major, ".", minor);
    dlopen(beside.c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed; NVRTC says so where it is missing
  }
  void check(int code, const char* what) const {
    MIXNET_CHECK(code == nvrtc_success, device, "[rtc] ", what, ": ", error_string(code));
  }
};

// Looked for again where it was not found: a program may name it and go on.
const Nvrtc& nvrtc() {
  static const auto* const found = [] {
    std::string why;
    const auto library = open_gpu_library({"NVRTC", "NVRTC", "libnvrtc.so.13", "cu13"}, &why).release();
    MIXNET_CHECK(library, unsupported, why, "; pip install nvidia-cuda-nvrtc");
    return new Nvrtc(*library);
  }();
  return *found;
}

class OpenProgram {
 public:
  OpenProgram(const Nvrtc& nvrtc, const std::string& text) : nvrtc_(nvrtc) {
    nvrtc.check(nvrtc.create(&program_, text.c_str(), source_name, 0, nullptr, nullptr), "nvrtcCreateProgram");
  }
  ~OpenProgram() { nvrtc_.destroy(&program_); }
  OpenProgram(const OpenProgram&) = delete;
  operator Program() const { return program_; }

 private:
  const Nvrtc& nvrtc_;
  Program program_ = nullptr;
};

// What a pair of functions gives: its size, then the bytes.
std::string bytes_of(const Nvrtc& nvrtc, Program program, int (*size)(Program, size_t*), int (*get)(Program, char*)) {
  size_t n = 0;
  nvrtc.check(size(program, &n), "size of a result");
  std::string bytes(n, '\0');
  if (n > 0) nvrtc.check(get(program, &bytes[0]), "result");
  return bytes;
}

}  // namespace

std::string nvrtc_version() {
  int major = 0, minor = 0;
  nvrtc().check(nvrtc().version(&major, &minor), "nvrtcVersion");
  return concat("NVRTC ", major, ".", minor);
}

std::string nvrtc_architecture(int major, int minor) {
  int count = 0;
  nvrtc().check(nvrtc().num_architectures(&count), "nvrtcGetNumSupportedArchs");
  std::vector<int> known(static_cast<size_t>(count));
  nvrtc().check(nvrtc().architectures(known.data()), "nvrtcGetSupportedArchs");
  // Code runs on later minor versions of its major one.
  int best = 0;
  for (const int a : known) {
    if (a / 10 == major && a % 10 <= minor) best = std::max(best, a);
  }
  MIXNET_CHECK(best > 0, unsupported, "[rtc] architecture: expected one that ", nvrtc_version(),
               " compiles for, got sm_", major, minor);
  return concat("sm_", best);
}

Compiled nvrtc_compile(const KernelSource& source, const std::string& architecture) {
  const Nvrtc& rtc = nvrtc();
  const OpenProgram program(rtc, source.text);
  for (const std::string& name : source.kernels)
    rtc.check(rtc.add_name(program, name.c_str()), "nvrtcAddNameExpression");
  const std::string target = "--gpu-architecture=" + architecture;
  std::vector<const char*> options{target.c_str()};
  for (const std::string& option : source.options) options.push_back(option.c_str());
  const int code = rtc.compile(program, static_cast<int>(options.size()), options.data());
  if (code != nvrtc_success) {
    const std::string log = bytes_of(rtc, program, rtc.log_size, rtc.log);
    fail(Code::invalid, first_error(log.size() > 1 ? log.c_str() : rtc.error_string(code)));
  }
  Compiled result;
  for (const std::string& name : source.kernels) {
    const char* lowered = nullptr;
    rtc.check(rtc.lowered_name(program, name.c_str(), &lowered), "nvrtcGetLoweredName");
    result.names.emplace_back(lowered);
  }
  result.cubin = bytes_of(rtc, program, rtc.cubin_size, rtc.cubin);
  return result;
}

}  // namespace mixnet

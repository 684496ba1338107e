// Kernels of a program's own, from source in CUDA C (mx.rtc): their parameters in words, and calls of them in the engine's order.
//
// A launch reads the arrays behind pointers to const, and reads and writes those behind others; like every operation on a GPU it is over when it is in the
// compute stream. Nothing is recorded for gradients.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/span.h"
#include "device/runtime_compiler.h"
#include "ndarray/ndarray.h"

namespace mixnet {

// One of a launch's arguments: an array, or a number.
struct UserArgument {
  NDArray array;
  bool whole = false;  // the number is `integer`
  int64_t integer = 0;
  double real = 0;
};

class UserKernels {
 public:
  // Compiles for gpu(0), so that errors of the source are told here.
  explicit UserKernels(KernelSource source);
  // A kernel by its name and signature, "const float *x, float *y, int n", for `launch`. Throws Code::invalid: no such kernel, type or form.
  int add(const std::string& name, const std::string& signature);
  // Checks all arguments before anything is launched.
  void launch(int kernel, DeviceId device, Span<const UserArgument> arguments, const LaunchShape& shape);

 private:
  struct Parameter {
    std::string name, type;
    bool pointer, constant;
  };
  struct Declared {
    std::string name;
    std::vector<Parameter> parameters;
    std::map<int, RuntimeKernelPtr> compiled;  // by GPU
  };
  static std::vector<Parameter> read_signature(const std::string& place, const std::string& signature);
  static void check_array(const std::string& place, const Parameter& p, const NDArray& array, DeviceId device);
  static std::vector<char> number(const std::string& place, const Parameter& p, const UserArgument& a);

  const KernelSource source_;
  std::mutex mutex_;  // guards the rest
  std::vector<Declared> kernels_;
};

}  // namespace mixnet

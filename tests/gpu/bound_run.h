// Bound graphs on GPUs and CPUs with the same values, a few runs each, and how far their results are apart.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "device/gpu.h"
#include "executor/small_nets.h"
#include "op/evaluate.h"

namespace mixnet::test {
namespace bound_run {

inline constexpr DeviceId on_gpu{DeviceKind::gpu, 0};

inline Symbol named(const char* name) { return Symbol::variable(name); }

// Streams as with the threaded engine, so that graphs are captured; afterwards as before.
class Freely {
 public:
  Freely() : before_(stream_.in_step()) { stream_.set_in_step(false); }
  ~Freely() { stream_.set_in_step(before_); }

 private:
  Stream& stream_ = *gpu_device(0).stream();
  const bool before_;
};

struct Ran {
  std::vector<std::vector<double>> values;  // outputs, then gradients
  std::string steps;
  int64_t num_steps() const { return std::count(steps.begin(), steps.end(), '\n'); }
  // Whether the layer took nothing along.
  bool alone() const { return steps.find("conv+") == std::string::npos; }
};

// Runs it a few times, so that graphs of the device are launched too; the values of the last run.
inline Ran run(const Symbol& symbol, DeviceId device, DType dtype, bool training,
               const std::vector<std::pair<std::string, Shape>>& shapes) {
  SimpleBindArguments arguments;
  arguments.shapes = shapes;
  for (const auto& [name, shape] : shapes) arguments.dtypes.emplace_back(name, dtype);
  arguments.default_request = training ? GradRequest::write : GradRequest::null;
  const auto executor = simple_bind(symbol, device, arguments);
  uint64_t seed = 0;
  for (const auto* arrays : {&executor->bound().arguments, &executor->bound().states}) {
    for (const NDArray& a : *arrays) {
      Tensor t = random_tensor(a.shape(), a.dtype(), arrays == &executor->bound().states ? 0.5 : -1, 1, ++seed);
      a.copy_from_host(t.view().data, a.bytes());
    }
  }
  for (int i = 0; i < 3; ++i) {
    executor->forward(training);
    if (training) executor->backward({});
  }
  Ran ran;
  for (const auto* arrays : {&executor->outputs(), &executor->bound().gradients}) {
    for (const NDArray& a : *arrays) {
      if (a.none()) continue;
      Tensor t(a.shape(), a.dtype());
      a.copy_to_host(t.view().data, a.bytes());
      ran.values.push_back(t.values());
    }
  }
  ran.steps = executor->describe();
  return ran;
}

inline void check_same(const Ran& got, const Ran& want, DType dtype) {
  const double bound = dtype == DType::f64 ? 1e-10 : dtype == DType::f32 ? 1e-4 : dtype == DType::f16 ? 1e-2 : 8e-2;
  REQUIRE(got.values.size() == want.values.size());
  for (size_t k = 0; k < got.values.size(); ++k) {
    REQUIRE(got.values[k].size() == want.values[k].size());
    double largest = 1;
    for (const double y : want.values[k]) largest = std::max(largest, std::fabs(y));
    for (size_t i = 0; i < got.values[k].size(); ++i) {
      const double x = got.values[k][i], y = want.values[k][i];
      const bool same = std::fabs(x - y) <= bound * largest;
      CHECK_MESSAGE(same, "array ", k, " element ", i, ": expected ", y, ", got ", x);
      if (!same) return;
    }
  }
}

}  // namespace bound_run
}  // namespace mixnet::test

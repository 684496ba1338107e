// The plainest possible execution of a graph: every entry has its own buffer, one node after the other. Tests compare
// everything else with it.
#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "device/tensor_view.h"
#include "symbol/graph.h"

namespace mixnet::test {

class Tensor {
 public:
  Tensor() = default;
  Tensor(const Shape& shape, DType dtype);
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  int64_t size() const { return shape_.size(); }
  TensorView view();
  // Element access through double, whatever the dtype.
  double get(int64_t i) const;
  void set(int64_t i, double value);
  std::vector<double> values() const;
  Tensor cast(DType dtype) const;

 private:
  // Kernels get 64-byte aligned memory; one line before and after the values is a guard.
  struct alignas(64) Line {
    uint8_t byte[64];
  };
  Shape shape_;
  DType dtype_ = DType::f32;
  std::vector<Line> lines_;
  friend bool guards_intact(const Tensor& tensor);
};

// False when a kernel wrote outside its tensor.
bool guards_intact(const Tensor& tensor);

struct EvaluateOptions {
  bool training = true;
  PhiloxKey random{42, 0};
};

// Values of all entries of the graph; `variables` gives each variable by node, and states are changed in it.
std::vector<Tensor> evaluate(const Graph& graph, std::map<const Node*, Tensor>& variables,
                             const EvaluateOptions& options = {});

// Uniform values in [low, high) that depend only on the seed.
Tensor random_tensor(const Shape& shape, DType dtype, double low, double high, uint64_t seed);

}  // namespace mixnet::test

// Shape and dtype inference of one node, in both directions, called until nothing changes.
//
// Everything is known partly: a rule fills in what it can from what is there and leaves the rest. Contradictions throw
// `[Convolution conv0] weight: expected (64, 3, 7, 7), got (64, 3, 5, 5)`.
#pragma once
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/shape.h"
#include "device/device_id.h"
#include "op/core/subgraph.h"

namespace mixnet {

struct OpSchema;

class InferContext {
 public:
  InferContext(const OpSchema& op, const void* params, std::string node_name)
      : op_(op), params_(params), node_(std::move(node_name)) {}
  template <class P> const P& params() const { return *static_cast<const P*>(params_); }
  // "Convolution conv0" for messages.
  std::string place() const;
  std::string input_name(int i) const;
  std::string output_name(int i) const;
  [[noreturn]] void fail(Code code, const std::string& message) const;

 private:
  const OpSchema& op_;
  const void* params_;
  std::string node_;
};

class InferShape : public InferContext {
 public:
  using InferContext::InferContext;
  std::vector<Shape> in, out;
  DeviceId device;   // where the operator is to run, as far as is known: for hidden outputs that differ by it
  bool last = true;  // false while other nodes may still tell more: defaults for what nobody says wait until it is true
  const SubgraphInference* subgraphs = nullptr;  // for operators that carry graphs; set by whoever asks

  int num_inputs() const { return static_cast<int>(in.size()); }
  // Merge into input/output i; throw Code::shape when they contradict.
  void set_in(int i, const Shape& shape);
  void set_out(int i, const Shape& shape);
  // All inputs and outputs listed have one shape (the elementwise rule).
  void all_same();
  // Throws Code::shape unless input i has this many dimensions (or is unknown).
  void expect_ndim(int i, int minimum, int maximum) const;
};

class InferType : public InferContext {
 public:
  using InferContext::InferContext;
  std::vector<DType> in, out;
  const SubgraphInference* subgraphs = nullptr;

  int num_inputs() const { return static_cast<int>(in.size()); }
  void set_in(int i, DType dtype);
  void set_out(int i, DType dtype);
  // One dtype for everything: the rule when an operator has none of its own.
  void all_same();
  // Throws Code::type unless input i is float32, float64, float16 or bfloat16 (or unknown).
  void expect_float(int i) const;
};

}  // namespace mixnet

// What a gradient rule works with: the forward node's entries in, gradient entries out.
//
// A rule builds nodes of registered operators, so the same rule serves the gradient pass, the imperative tape and higher orders.
#pragma once
#include <string>
#include <vector>

#include "base/span.h"
#include "op/core/entry.h"
#include "op/core/param.h"
#include "op/core/subgraph.h"

namespace mixnet {

struct OpSchema;

// Makes nodes; implemented where nodes are known (src/symbol).
class NodeBuilder {
 public:
  virtual ~NodeBuilder() = default;
  // All outputs of a new node. `params` wins over `attributes` when it is set.
  virtual std::vector<Entry> make(const OpSchema& op, ParamsPtr params, std::vector<Entry> inputs,
                                  const std::string& name) = 0;
  // For operators that carry graphs. Throws Code::unsupported where no gradients are made.
  virtual SubgraphGradient differentiate(const SubgraphGradientRequest& request);
  // The node `made` does what `forward` does and more, and is to run instead of it.
  virtual void replace(const Entry& forward, const Entry& made);
};

class GradientContext {
 public:
  GradientContext(NodeBuilder& builder, const OpSchema& op, ParamsPtr params, std::string name,
                  Span<const Entry> inputs, Span<const Entry> outputs, Span<const Entry> output_grads,
                  const std::vector<bool>& wanted);

  template <class P> const P& params() const { return *static_cast<const P*>(params_.get()); }
  // The operator whose gradient is wanted: one rule may serve a table of operators.
  const OpSchema& op() const { return op_; }
  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  Entry input(int i) const { return inputs_[static_cast<size_t>(i)]; }
  // Naming a forward value here is what keeps it alive until backward; name only what is needed.
  Entry output(int i) const { return outputs_[static_cast<size_t>(i)]; }
  // The gradient of output i; a node of zeros when nothing depends on that output.
  Entry output_grad(int i);
  bool has_output_grad(int i) const { return bool(output_grads_[static_cast<size_t>(i)]); }
  // Whether anybody asks for the gradient of input i.
  bool wants(int i) const { return wanted_[static_cast<size_t>(i)]; }

  // Sets the gradient of input i. Inputs left unset have zero gradient.
  void set(int i, Entry gradient) { grads_[static_cast<size_t>(i)] = std::move(gradient); }

  // A node of operator `op`; its first output.
  Entry make(const char* op, std::vector<Entry> inputs, const Attributes& attributes = {});
  // All outputs of a node of operator `op`.
  std::vector<Entry> make_all(const char* op, std::vector<Entry> inputs, const Attributes& attributes = {});
  // All outputs of a node of a backward operator that has the forward operator's parameter struct.
  std::vector<Entry> make_backward(const char* op, std::vector<Entry> inputs);

  // For operators that carry graphs.
  SubgraphGradient differentiate(const SubgraphGradientRequest& request) { return builder_.differentiate(request); }
  // All outputs of a node of this operator that runs instead of the forward node (OpSchema::extends): the same inputs, other parameters.
  std::vector<Entry> make_extended(ParamsPtr params);
  std::vector<Entry> make_with(const char* op, ParamsPtr params, std::vector<Entry> inputs);

  const std::vector<Entry>& result() const { return grads_; }

 private:
  NodeBuilder& builder_;
  const OpSchema& op_;
  ParamsPtr params_;
  std::string name_;
  int made_ = 0;
  Span<const Entry> inputs_, outputs_, output_grads_;
  const std::vector<bool>& wanted_;
  std::vector<Entry> grads_;
};

}  // namespace mixnet

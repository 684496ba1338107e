// A node of the graph: an operator with its parameters and inputs, or a variable.
//
// Nodes are shared by all graphs that reach them and do not change once a second holder exists, but for `attributes`.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "op/core/registry.h"

namespace mixnet {

struct Node {
  const OpSchema* op = nullptr;  // nullptr: a variable
  ParamsPtr params;
  std::string name;
  std::vector<Entry> inputs;
  std::map<std::string, std::string> attributes;  // the user's: __shape__, __lr_mult__, ctx_group, ...
  bool derived = false;  // set by passes: depends on parameters or constants only, made when those change
  // Of a copy that a pass made: the node of the graph as it was asked for. Both take the same random draw.
  std::shared_ptr<const Node> origin;
  // Of a copy between devices and of a node without inputs: where the placement has put it (pass/placement.h). Others are where their
  // inputs are.
  DeviceId device;
  // A second run of its origin, in the backward part: a graph runs it as late as its readers allow.
  bool recomputed = false;

  bool is_variable() const { return op == nullptr; }
  int num_outputs() const { return op ? op->num_outputs(params.get()) : 1; }
  // Inputs that hold states rather than arguments.
  bool is_state_input(int i) const;
  bool mutates_input(int i) const;
  // "Convolution conv0" or "variable x", for messages.
  std::string place() const { return op ? op->place(name) : "variable " + name; }
  // Long chains are taken apart in a loop: recursive destruction would overflow the stack.
  ~Node();
  Node() = default;
  Node(const Node&) = default;
  Node& operator=(const Node&) = delete;
};

using NodePtr = std::shared_ptr<Node>;

NodePtr make_variable(const std::string& name);
// For passes: the same node with other inputs, which still knows its origin.
NodePtr copy_node(const NodePtr& node, std::vector<Entry> inputs);

// Makes plain nodes; the gradient pass uses it.
class PlainNodeBuilder : public NodeBuilder {
 public:
  std::vector<Entry> make(const OpSchema& op, ParamsPtr params, std::vector<Entry> inputs,
                          const std::string& name) override;
};

}  // namespace mixnet

// The graph that a node with a subgraph carries: variables as inputs, heads as outputs. Immutable; shared by copies of the node.
//
// Inputs that no head needs are allowed. The heads' nodes belong to the body alone.
#pragma once
#include <vector>

#include "symbol/graph.h"

namespace mixnet {

class GraphBody final : public Subgraph {
 public:
  // Inputs are the variables in post-order.
  explicit GraphBody(std::vector<Entry> heads);
  GraphBody(std::vector<NodePtr> inputs, std::vector<Entry> heads);

  int num_inputs() const override { return static_cast<int>(inputs_.size()); }
  int num_outputs() const override { return static_cast<int>(graph_.heads().size()); }
  bool mutates(int input) const override { return mutated_[static_cast<size_t>(input)]; }
  bool holds_state(int input) const override { return states_[static_cast<size_t>(input)]; }

  const std::vector<NodePtr>& inputs() const { return inputs_; }
  const Graph& graph() const { return graph_; }

 private:
  void find_states();

  Graph graph_;
  std::vector<NodePtr> inputs_;
  std::vector<bool> mutated_, states_;  // by input
};

inline const GraphBody& body_of(const Subgraph& graph) { return static_cast<const GraphBody&>(graph); }

}  // namespace mixnet

// A graph frozen for passes: the nodes that some heads need, in execution order, with dense numbers.
//
// Nodes come in depth-first post-order of the heads, so every input precedes its consumer. Outputs of nodes ("entries") are
// numbered consecutively. Nodes that are recomputed come last among the inputs of their reader. Building is linear; the graph must not change while a Graph looks at it.
#pragma once
#include <unordered_map>
#include <vector>

#include "symbol/node.h"

namespace mixnet {

class Graph {
 public:
  explicit Graph(std::vector<Entry> heads);
  // The same nodes in another order (their old numbers), in which inputs still precede their consumers.
  Graph reordered(const std::vector<int>& order) const;

  const std::vector<Entry>& heads() const { return heads_; }
  int num_nodes() const { return static_cast<int>(nodes_.size()); }
  int num_entries() const { return num_entries_; }
  const NodePtr& node(int id) const { return nodes_[static_cast<size_t>(id)]; }
  int id(const Node* node) const { return ids_.at(node); }
  bool contains(const Node* node) const { return ids_.count(node) > 0; }
  int num_outputs(int node_id) const {
    return first_[static_cast<size_t>(node_id) + 1] - first_[static_cast<size_t>(node_id)];
  }
  // Number of output `index` of a node.
  int entry(int node_id, int index) const { return first_[static_cast<size_t>(node_id)] + index; }
  int entry(const Entry& e) const { return entry(id(e.node.get()), e.index); }

 private:
  Graph() = default;
  void append(NodePtr node);

  std::vector<Entry> heads_;
  std::vector<NodePtr> nodes_;
  std::unordered_map<const Node*, int> ids_;
  std::vector<int> first_;  // of each node, its first entry; one more at the end
  int num_entries_ = 0;
};

}  // namespace mixnet

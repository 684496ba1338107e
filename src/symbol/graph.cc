#include "symbol/graph.h"

#include <unordered_set>

namespace mixnet {

Graph::Graph(std::vector<Entry> heads) : heads_(std::move(heads)) {
  struct Frame {
    NodePtr node;
    size_t next;
  };
  std::unordered_set<const Node*> seen;
  std::vector<Frame> stack;
  for (const Entry& head : heads_) {
    if (!seen.insert(head.node.get()).second) continue;
    stack.push_back({head.node, 0});
    while (!stack.empty()) {
      Frame& top = stack.back();
      // Twice over the inputs: those that are recomputed come after all others, so they run right before their reader.
      const size_t inputs = top.node->inputs.size();
      if (top.next < 2 * inputs) {
        const bool late = top.next >= inputs;
        const NodePtr& input = top.node->inputs[top.next++ % inputs].node;
        if (input->recomputed == late && seen.insert(input.get()).second) stack.push_back({input, 0});
        continue;
      }
      append(std::move(top.node));
      stack.pop_back();
    }
  }
  first_.push_back(num_entries_);
}

void Graph::append(NodePtr node) {
  ids_.emplace(node.get(), num_nodes());
  first_.push_back(num_entries_);
  num_entries_ += node->num_outputs();
  nodes_.push_back(std::move(node));
}

Graph Graph::reordered(const std::vector<int>& order) const {
  Graph graph;
  graph.heads_ = heads_;
  for (int id : order) graph.append(node(id));
  graph.first_.push_back(graph.num_entries_);
  return graph;
}

}  // namespace mixnet

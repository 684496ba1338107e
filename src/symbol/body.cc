#include "symbol/body.h"

namespace mixnet {

GraphBody::GraphBody(std::vector<Entry> heads) : graph_(std::move(heads)) {
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    if (graph_.node(id)->is_variable()) inputs_.push_back(graph_.node(id));
  }
  find_states();
}

GraphBody::GraphBody(std::vector<NodePtr> inputs, std::vector<Entry> heads)
    : graph_(std::move(heads)), inputs_(std::move(inputs)) {
  find_states();
}

void GraphBody::find_states() {
  mutated_.assign(inputs_.size(), false);
  states_.assign(inputs_.size(), false);
  std::unordered_map<const Node*, size_t> number;
  for (size_t i = 0; i < inputs_.size(); ++i) number[inputs_[i].get()] = i;
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    const Node& node = *graph_.node(id);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const auto it = number.find(node.inputs[i].node.get());
      if (it == number.end()) continue;
      if (node.mutates_input(static_cast<int>(i))) mutated_[it->second] = true;
      if (node.is_state_input(static_cast<int>(i))) states_[it->second] = true;
    }
  }
}

}  // namespace mixnet

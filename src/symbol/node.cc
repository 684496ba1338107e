#include "symbol/node.h"

#include "base/contains.h"
#include "op/core/custom.h"

namespace mixnet {

bool Node::mutates_input(int i) const {
  return op && (mixnet::mutates_input(*op, params.get(), i) || op->mutates_input(params.get(), i));
}
bool Node::is_state_input(int i) const {
  return op && (mutates_input(i) || contains(op->auxiliary, i) ||
                (op->subgraph_state && op->subgraph_state(params.get(), i)));
}

Node::~Node() {
  std::vector<NodePtr> orphans;
  auto take = [&orphans](std::vector<Entry>& entries) {
    for (Entry& e : entries) {
      if (e.node && e.node.use_count() == 1) orphans.push_back(std::move(e.node));
    }
  };
  take(inputs);
  while (!orphans.empty()) {
    NodePtr node = std::move(orphans.back());
    orphans.pop_back();
    if (node.use_count() == 1) take(node->inputs);
  }
}

NodePtr make_variable(const std::string& name) {
  auto node = std::make_shared<Node>();
  node->name = name;
  return node;
}

NodePtr copy_node(const NodePtr& node, std::vector<Entry> inputs) {
  auto copy = std::make_shared<Node>(*node);
  copy->inputs = std::move(inputs);
  if (!copy->origin) copy->origin = node;
  return copy;
}

std::vector<Entry> PlainNodeBuilder::make(const OpSchema& op, ParamsPtr params, std::vector<Entry> inputs,
                                          const std::string& name) {
  auto node = std::make_shared<Node>();
  node->op = &op;
  node->params = std::move(params);
  node->name = name;
  node->inputs = std::move(inputs);
  std::vector<Entry> outputs;
  const int count = node->num_outputs();
  for (int i = 0; i < count; ++i) outputs.push_back({node, i});
  return outputs;
}

}  // namespace mixnet

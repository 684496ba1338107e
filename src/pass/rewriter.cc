#include "pass/rewriter.h"

namespace mixnet {

std::vector<Entry> Rewriter::inputs(int id) const {
  std::vector<Entry> inputs;
  for (const Entry& e : graph_.node(id)->inputs) inputs.push_back(now(e));
  return inputs;
}

NodePtr Rewriter::keep(int id, std::vector<Entry> inputs) {
  NodePtr node = graph_.node(id);
  if (inputs != node->inputs) node = copy_node(node, std::move(inputs));
  for (int i = 0; i < graph_.num_outputs(id); ++i) replace(id, i, {node, i});
  return node;
}

void Rewriter::replace(int id, int output, Entry entry) {
  now_[static_cast<size_t>(graph_.entry(id, output))] = std::move(entry);
}

std::vector<Entry> Rewriter::heads() const {
  std::vector<Entry> heads;
  for (const Entry& e : graph_.heads()) heads.push_back(now(e));
  return heads;
}

}  // namespace mixnet

#include "pass/rebuild.h"

namespace mixnet {

std::vector<Entry> Rebuild::inputs(int id) const {
  std::vector<Entry> inputs;
  for (const Entry& e : g_.node(id)->inputs) inputs.push_back(entry(e));
  return inputs;
}

void Rebuild::keep(int id) {
  NodePtr node = g_.node(id);
  bool changed = false;
  for (const Entry& e : node->inputs) changed = changed || entry(e).node != e.node || entry(e).index != e.index;
  if (changed) {
    std::vector<Entry> now = inputs(id);
    node = std::make_shared<Node>(*node);
    node->inputs = std::move(now);
  }
  for (int i = 0; i < g_.num_outputs(id); ++i) replace(id, i, {node, i});
}

std::vector<Entry> Rebuild::heads() const {
  std::vector<Entry> heads;
  for (const Entry& e : g_.heads()) heads.push_back(entry(e));
  return heads;
}

}  // namespace mixnet

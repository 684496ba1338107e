#include "pass/extended.h"

#include <unordered_map>

namespace mixnet {

namespace {

// The node of the graph as it was asked for, by which copies that passes made of it are known.
const Node* original(const NodePtr& node) { return node->origin ? node->origin.get() : node.get(); }
bool carries_graphs(const Node& node) { return node.op && node.op->extends; }
bool extends(const Node& node) { return carries_graphs(node) && node.op->extends(node.params.get()); }

}  // namespace

std::vector<Entry> put_extended(const std::vector<Entry>& heads) {
  const Graph graph(heads);
  // By the node that is replaced; the last one, should there be several.
  std::unordered_map<const Node*, NodePtr> instead;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    if (extends(*graph.node(id))) instead[original(graph.node(id))] = graph.node(id);
  }
  if (instead.empty()) return heads;
  std::unordered_map<const Node*, NodePtr> made;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const NodePtr& node = graph.node(id);
    const bool replaceable = carries_graphs(*node) && !extends(*node);
    const auto found = replaceable ? instead.find(original(node)) : instead.end();
    const NodePtr& source = found != instead.end() && found->second->inputs == node->inputs ? found->second : node;
    NodePtr& now = made[node.get()];
    if (now) continue;
    // The extended node stands where the first of both does: they have the same inputs.
    if (source != node && made.count(source.get())) {
      now = made.at(source.get());
      continue;
    }
    std::vector<Entry> inputs = source->inputs;
    for (Entry& e : inputs) e.node = made.at(e.node.get());
    now = inputs == source->inputs ? source : copy_node(source, std::move(inputs));
    if (source != node) made[source.get()] = now;
  }
  std::vector<Entry> result;
  for (const Entry& e : heads) result.push_back({made.at(e.node.get()), e.index});
  return result;
}

}  // namespace mixnet

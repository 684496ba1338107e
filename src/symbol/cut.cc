// Symbol::cut. Linear in the graph.
#include "symbol/symbol.h"

namespace mixnet {
namespace {

class Cutter {
 public:
  Cutter(const std::vector<Entry>& heads, const std::string& key, const std::string& value)
      : graph_(heads), key_(key), value_(value) {}

  std::vector<Entry> inner() {
    std::vector<Entry> heads;
    for (const Entry& e : graph_.heads()) {
      Entry head = moved(e);
      // An output of its own, so that it cannot be taken for the value outside.
      if (head.node->is_variable()) head = copied(head);
      heads.push_back(head);
    }
    return heads;
  }

  // What stands outside for the variables of the inner graph, in their order.
  std::vector<Entry> outside(const std::vector<Entry>& inner) const {
    const Graph graph(inner);
    std::vector<Entry> entries;
    for (int id = 0; id < graph.num_nodes(); ++id) {
      if (graph.node(id)->is_variable()) entries.push_back(outside_.at(graph.node(id).get()));
    }
    return entries;
  }

 private:
  bool inside(const Node& node) const {
    const auto it = node.attributes.find(key_);
    return !node.is_variable() && it != node.attributes.end() && it->second == value_;
  }

  // Inputs come before their readers, so a loop over the graph suffices.
  Entry moved(const Entry& e) {
    if (copies_.empty()) {
      for (int id = 0; id < graph_.num_nodes(); ++id) {
        const NodePtr& node = graph_.node(id);
        if (!inside(*node)) continue;
        auto fresh = std::make_shared<Node>(*node);
        for (Entry& input : fresh->inputs) input = stand_in(input);
        copies_[node.get()] = fresh;
      }
    }
    return stand_in(e);
  }

  Entry stand_in(const Entry& e) {
    const auto copy = copies_.find(e.node.get());
    if (copy != copies_.end()) return {copy->second, e.index};
    NodePtr& variable = variables_[{e.node.get(), e.index}];
    if (!variable) {
      variable = make_variable(entry_name(e));
      if (e.node->is_variable()) variable->attributes = e.node->attributes;
      outside_[variable.get()] = e;
    }
    return {variable, 0};
  }

  Entry copied(const Entry& e) const {
    const OpSchema& op = registry().at("_copy");
    const Entry copy = PlainNodeBuilder().make(op, op.make_params({}), {e}, e.node->name + "_copy")[0];
    copy.node->attributes[key_] = value_;
    return copy;
  }

  const Graph graph_;
  const std::string &key_, &value_;
  std::unordered_map<const Node*, NodePtr> copies_;
  std::map<std::pair<const Node*, int>, NodePtr> variables_;
  std::unordered_map<const Node*, Entry> outside_;
};

}  // namespace

Symbol Symbol::cut(const std::string& key, const std::string& value, Symbol* outside) const {
  Cutter cutter(outputs_, key, value);
  Symbol inner(cutter.inner());
  *outside = Symbol(cutter.outside(inner.outputs_));
  return inner;
}

}  // namespace mixnet

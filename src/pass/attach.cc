#include "pass/attach.h"

#include <algorithm>

#include "base/contains.h"
#include "op/core/tailed.h"
#include "pass/rewriter.h"

namespace mixnet {
namespace {

// The pointwise operators of a node, or none.
FusedGroup group_of(const Node& node) {
  if (node.is_variable()) return {};
  if (node.op->fused) return *node.op->fused;
  if (!node.op->is_pointwise(node.params.get()) || node.num_outputs() != 1) return {};
  FusedGroup group{static_cast<int>(node.inputs.size()), {{node.op, node.params, {}}}, {0}};
  for (int i = 0; i < group.num_inputs; ++i) group.nodes[0].operands.push_back(i);
  return group;
}

// The same group with its inputs in another order: input i becomes the first.
FusedGroup with_first(FusedGroup group, int i) {
  for (FusedNode& node : group.nodes) {
    for (int& operand : node.operands) {
      if (operand == i) operand = 0;
      else if (operand < i) ++operand;
    }
  }
  return group;
}

class Attacher {
 public:
  Attacher(const Typed& typed, DeviceId device)
      : g_(typed.graph),
        shapes_(typed.shapes),
        types_(typed.types),
        device_(device),
        readers_(static_cast<size_t>(g_.num_nodes())),
        changed_(static_cast<size_t>(g_.num_entries())),
        tail_of_(static_cast<size_t>(g_.num_nodes()), none),
        made_(static_cast<size_t>(g_.num_nodes())),
        chains_(static_cast<size_t>(g_.num_nodes())),
        new_(g_) {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      const Node& node = *g_.node(id);
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        const auto producer = static_cast<size_t>(g_.id(node.inputs[i].node.get()));
        ++readers_[producer];
        chains_[static_cast<size_t>(id)] = std::max(chains_[static_cast<size_t>(id)], chains_[producer] + 1);
        if (node.mutates_input(static_cast<int>(i))) changed_[static_cast<size_t>(g_.entry(node.inputs[i]))] = true;
      }
    }
    for (const Entry& e : g_.heads()) ++readers_[static_cast<size_t>(g_.id(e.node.get()))];
  }

  std::vector<Entry> run() {
    for (int id = 0; id < g_.num_nodes(); ++id) consider(id);
    for (int id = 0; id < g_.num_nodes(); ++id) {
      if (made_[static_cast<size_t>(id)].op) join(id);
      else if (tail_of_[static_cast<size_t>(id)] == none) new_.keep(id);
    }
    return new_.heads();
  }

 private:
  static constexpr int none = -1;

  // Looks for the node that takes a pointwise one along; the latest, so that the others' values are there. Where nodes may run side by side it
  // is the one at the end of the longest chain: the others are there before it is.
  void consider(int id) {
    const Node& node = *g_.node(id);
    const FusedGroup group = group_of(node);
    if (group.nodes.empty() || group.outputs.size() != 1 || !all_same(id)) return;
    std::vector<size_t> inputs(node.inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) inputs[i] = inputs.size() - 1 - i;
    if (!device_.host()) {
      const auto chain = [&](size_t i) { return chains_[static_cast<size_t>(g_.id(node.inputs[i].node.get()))]; };
      std::stable_sort(inputs.begin(), inputs.end(), [&](size_t a, size_t b) { return chain(a) > chain(b); });
    }
    for (const size_t i : inputs) {
      const int producer = g_.id(node.inputs[i].node.get());
      if (node.inputs[i].index != 0 || !may_move(producer)) continue;
      if (take_along(id, i, producer, with_first(group, static_cast<int>(i)))) return;
    }
  }

  // `producer` makes input i of the node: a layer, or the end of a tail that grows longer.
  bool take_along(int id, size_t i, int producer, FusedGroup tail) {
    Made made;
    int layer = producer;
    if (Made& before = made_[static_cast<size_t>(producer)]; before.op) {
      layer = tail_of_[static_cast<size_t>(producer)];
      tail = joined_tails(before.tail, tail);
      made.others = before.others;
    }
    const Node& own = *g_.node(layer);
    if (!takes_tail(*own.op, tail, device_)) return false;
    for (size_t k = 0; k < g_.node(id)->inputs.size(); ++k) {
      if (k != i) made.others.push_back(g_.node(id)->inputs[k]);
    }
    made.op = make_tailed_operator(*own.op, own.params, tail, device_);
    made.tail = std::move(tail);
    made.name = (layer == producer ? own.name : made_[static_cast<size_t>(producer)].name) + "+" + g_.node(id)->name;
    if (layer != producer) made_[static_cast<size_t>(producer)] = {};
    tail_of_[static_cast<size_t>(id)] = layer;
    tail_of_[static_cast<size_t>(layer)] = id;
    made_[static_cast<size_t>(id)] = std::move(made);
    return true;
  }

  // A pointwise operator may broadcast or change the dtype elsewhere; not as a tail.
  bool all_same(int id) const {
    const size_t out = static_cast<size_t>(g_.entry(id, 0));
    const std::vector<Entry>& inputs = g_.node(id)->inputs;
    return std::all_of(inputs.begin(), inputs.end(), [&](const Entry& e) {
      const size_t in = static_cast<size_t>(g_.entry(e));
      return shapes_[in] == shapes_[out] && types_[in] == types_[out];
    });
  }

  bool may_move(int id) const {
    const Node& node = *g_.node(id);
    const bool grows = !device_.host() && made_[static_cast<size_t>(id)].op;
    if (node.is_variable() || readers_[static_cast<size_t>(id)] != 1) return false;
    if (!grows && !takes_tails(*node.op, device_)) return false;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (changed_[static_cast<size_t>(g_.entry(node.inputs[i]))]) return false;
    }
    return true;
  }

  void join(int id) {
    const Made& made = made_[static_cast<size_t>(id)];
    const int layer = tail_of_[static_cast<size_t>(id)];
    auto node = std::make_shared<Node>();
    node->name = made.name;
    node->inputs = new_.inputs(layer);
    for (const Entry& e : made.others) node->inputs.push_back(new_.now(e));
    node->recomputed = g_.node(layer)->recomputed && g_.node(id)->recomputed;
    node->op = made.op.get();
    node->params = made.op;  // the node owns its operator
    new_.replace(id, 0, {node, 0});
  }

  struct Made {
    std::shared_ptr<const OpSchema> op;
    FusedGroup tail;
    std::vector<Entry> others;  // what the tail reads besides, in the old graph
    std::string name;
  };

  const Graph& g_;
  const std::vector<Shape>& shapes_;  // by entry
  const std::vector<DType>& types_;
  const DeviceId device_;
  std::vector<int> readers_;   // by node, heads counted
  std::vector<bool> changed_;  // by entry: the graph writes into it
  std::vector<int> tail_of_;   // by node: of a layer the last node of its tail, of the tail's nodes the layer
  std::vector<Made> made_;     // by the last node of a tail
  std::vector<int> chains_;    // by node: the most nodes that come before it one after the other
  Rewriter new_;
};

}  // namespace

std::vector<Entry> attach(const Typed& typed, DeviceId device) { return Attacher(typed, device).run(); }

}  // namespace mixnet

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
  if (!node.op->pointwise || node.num_outputs() != 1) return {};
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
        new_(g_) {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      const Node& node = *g_.node(id);
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        ++readers_[static_cast<size_t>(g_.id(node.inputs[i].node.get()))];
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

  // Looks for the node that takes a pointwise one along; the latest, so that the others' values are there.
  void consider(int id) {
    const Node& node = *g_.node(id);
    const FusedGroup group = group_of(node);
    if (group.nodes.empty() || group.outputs.size() != 1 || !all_same(id)) return;
    for (size_t i = node.inputs.size(); i-- > 0;) {
      const int producer = g_.id(node.inputs[i].node.get());
      if (node.inputs[i].index != 0 || !may_move(producer)) continue;
      FusedGroup tail = with_first(group, static_cast<int>(i));
      if (!takes_tail(*g_.node(producer)->op, tail, device_)) continue;
      tail_of_[static_cast<size_t>(id)] = producer;
      tail_of_[static_cast<size_t>(producer)] = id;
      const Node& own = *g_.node(producer);
      made_[static_cast<size_t>(id)] = {make_tailed_operator(*own.op, own.params, std::move(tail)), i};
      return;
    }
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
    if (node.is_variable() || node.op->tail_kernels.empty() || readers_[static_cast<size_t>(id)] != 1) return false;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (changed_[static_cast<size_t>(g_.entry(node.inputs[i]))]) return false;
    }
    return true;
  }

  void join(int id) {
    const auto& [op, value] = made_[static_cast<size_t>(id)];
    const int producer = tail_of_[static_cast<size_t>(id)];
    auto node = std::make_shared<Node>();
    node->name = g_.node(producer)->name + "+" + g_.node(id)->name;
    node->inputs = new_.inputs(producer);
    const std::vector<Entry> others = new_.inputs(id);
    for (size_t i = 0; i < others.size(); ++i) {
      if (i != value) node->inputs.push_back(others[i]);
    }
    node->recomputed = g_.node(producer)->recomputed && g_.node(id)->recomputed;
    node->op = op.get();
    node->params = op;  // the node owns its operator
    new_.replace(id, 0, {node, 0});
  }

  struct Made {
    std::shared_ptr<const OpSchema> op;
    size_t value = 0;  // the input that the producer makes
  };

  const Graph& g_;
  const std::vector<Shape>& shapes_;  // by entry
  const std::vector<DType>& types_;
  const DeviceId device_;
  std::vector<int> readers_;   // by node, heads counted
  std::vector<bool> changed_;  // by entry: the graph writes into it
  std::vector<int> tail_of_;   // by node: the other one of the pair
  std::vector<Made> made_;     // by pointwise node
  Rewriter new_;
};

}  // namespace

std::vector<Entry> attach(const Typed& typed, DeviceId device) { return Attacher(typed, device).run(); }

}  // namespace mixnet

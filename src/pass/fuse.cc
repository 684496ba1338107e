#include "pass/fuse.h"

#include <algorithm>
#include <set>

#include "op/core/fused.h"
#include "pass/rewriter.h"

namespace mixnet {
namespace {

constexpr size_t most_nodes = 32, most_inputs = 24;

class Fuser {
 public:
  Fuser(const Typed& typed, const GroupsOnGpu* on_gpu)
      : g_(typed.graph),
        on_gpu_(on_gpu),
        shapes_(typed.shapes),
        types_(typed.types),
        forward_(forward_part(typed)),
        group_of_(static_cast<size_t>(g_.num_nodes()), none),
        consumers_(static_cast<size_t>(g_.num_nodes())),
        is_head_(static_cast<size_t>(g_.num_nodes()), false),
        new_(g_) {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      for (const Entry& e : g_.node(id)->inputs) consumers_[static_cast<size_t>(g_.id(e.node.get()))].push_back(id);
    }
    for (const Entry& e : g_.heads()) is_head_[static_cast<size_t>(g_.id(e.node.get()))] = true;
  }

  std::vector<Entry> run() {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      if (fusible(id)) place(id);
    }
    return rebuild();
  }

 private:
  static constexpr int none = -1;

  // One shape and one dtype in and out, and a kernel that takes any part of its tensors.
  bool fusible(int id) const {
    const Node& node = *g_.node(id);
    if (node.is_variable() || node.derived || !node.op->is_pointwise(node.params.get()) || node.inputs.empty() ||
        g_.num_outputs(id) != 1)
      return false;
    const size_t out = static_cast<size_t>(g_.entry(id, 0));
    if (shapes_[out].size() == 0) return false;
    if (on_gpu_ && !on_gpu_->takes(*node.op, node.params.get(), types_[out])) return false;
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](const Entry& e) {
      const size_t in = static_cast<size_t>(g_.entry(e));
      return shapes_[in] == shapes_[out] && types_[in] == types_[out];
    });
  }

  // Joins the groups of a node's inputs where that is sound, or starts a group.
  void place(int id) {
    std::vector<int> joined{id};
    std::set<int> merged;
    for (const Entry& e : g_.node(id)->inputs) {
      const int group = group_of_[static_cast<size_t>(g_.id(e.node.get()))];
      if (group == none || merged.count(group) || !may_join(group, id)) continue;
      const std::vector<int>& members = groups_[static_cast<size_t>(group)];
      if (joined.size() + members.size() > most_nodes) continue;
      joined.insert(joined.end(), members.begin(), members.end());
      merged.insert(group);
    }
    for (int group : merged) groups_[static_cast<size_t>(group)].clear();
    std::sort(joined.begin(), joined.end());
    for (int member : joined) group_of_[static_cast<size_t>(member)] = static_cast<int>(groups_.size());
    groups_.push_back(std::move(joined));
  }

  // The group would run at `id`: whoever has read one of its values before must be of the group.
  bool may_join(int group, int id) const {
    const std::vector<int>& members = groups_[static_cast<size_t>(group)];
    if (forward_[static_cast<size_t>(members[0])] != forward_[static_cast<size_t>(id)]) return false;
    std::set<int> inputs;
    for (int member : members) {
      for (int reader : consumers_[static_cast<size_t>(member)]) {
        if (reader < id && group_of_[static_cast<size_t>(reader)] != group) return false;
      }
      for (const Entry& e : g_.node(member)->inputs) inputs.insert(g_.entry(e));
    }
    return inputs.size() + g_.node(id)->inputs.size() <= most_inputs;
  }

  std::vector<Entry> rebuild() {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      const int group = group_of_[static_cast<size_t>(id)];
      const bool alone = group == none || groups_[static_cast<size_t>(group)].size() == 1;
      if (alone) new_.keep(id);
      else if (groups_[static_cast<size_t>(group)].back() == id) make_fused(groups_[static_cast<size_t>(group)]);
    }
    return new_.heads();
  }

  void make_fused(const std::vector<int>& members) {
    FusedGroup group;
    auto node = std::make_shared<Node>();
    auto member_of = [&](const Entry& e) {
      const auto it = std::find(members.begin(), members.end(), g_.id(e.node.get()));
      return it == members.end() ? none : static_cast<int>(it - members.begin());
    };
    std::vector<int> outside;
    for (int id : members) {
      for (const Entry& e : g_.node(id)->inputs) {
        if (member_of(e) != none || std::find(outside.begin(), outside.end(), g_.entry(e)) != outside.end()) continue;
        outside.push_back(g_.entry(e));
        node->inputs.push_back(new_.now(e));
      }
    }
    group.num_inputs = static_cast<int>(outside.size());
    for (size_t m = 0; m < members.size(); ++m) {
      const Node& old = *g_.node(members[m]);
      FusedNode inner{old.op, old.params, {}};
      for (const Entry& e : old.inputs) {
        const int member = member_of(e);
        const auto at = std::find(outside.begin(), outside.end(), g_.entry(e)) - outside.begin();
        inner.operands.push_back(member == none ? static_cast<int>(at) : group.num_inputs + member);
      }
      group.nodes.push_back(std::move(inner));
      node->name += (m ? "+" : "") + old.name;
      const std::vector<int>& readers = consumers_[static_cast<size_t>(members[m])];
      const bool seen_outside = std::any_of(readers.begin(), readers.end(), [&](int reader) {
        return std::find(members.begin(), members.end(), reader) == members.end();
      });
      if (!seen_outside && !is_head_[static_cast<size_t>(members[m])]) continue;
      new_.replace(members[m], 0, {node, static_cast<int>(group.outputs.size())});
      group.outputs.push_back(static_cast<int>(m));
    }
    node->recomputed = std::all_of(members.begin(), members.end(), [this](int id) { return g_.node(id)->recomputed; });
    // The node owns its operator.
    const auto op = make_fused_operator(std::move(group));
    node->op = op.get();
    node->params = op;
  }

  const Graph& g_;
  const GroupsOnGpu* const on_gpu_;
  const std::vector<Shape>& shapes_;
  const std::vector<DType>& types_;
  const std::vector<bool> forward_;          // by node
  std::vector<int> group_of_;                // by node
  std::vector<std::vector<int>> groups_;     // nodes in order; empty when it has become part of another
  std::vector<std::vector<int>> consumers_;  // by node
  std::vector<bool> is_head_;                // by node
  Rewriter new_;                             // values that stay inside a group have no new entry
};

}  // namespace

std::vector<Entry> fuse(const Typed& typed, const GroupsOnGpu* on_gpu) { return Fuser(typed, on_gpu).run(); }

}  // namespace mixnet

#include "pass/strips.h"

#include <algorithm>
#include <functional>
#include <set>

#include "op/core/strip_schedule.h"
#include "op/core/strips.h"
#include "pass/rewriter.h"

namespace mixnet {
namespace {

constexpr size_t most_thresholds = 32;
// Rows between members should stay in the cache of a core, more or less.
constexpr int64_t cache_bytes = 4 << 20;

// Members of a chain that become one operator.
struct StripGroup {
  std::vector<int> nodes;
  int64_t height = 1;  // rows of a strip of the result
};

class StripPass {
 public:
  StripPass(const Typed& typed, int64_t bytes)
      : typed_(typed),
        g_(typed.graph),
        limit_(bytes),
        readers_(static_cast<size_t>(g_.num_nodes())),
        changed_(changing_variables(g_)) {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      for (const Entry& e : g_.node(id)->inputs) ++readers_[static_cast<size_t>(g_.id(e.node.get()))];
    }
    for (const Entry& e : g_.heads()) {
      ++readers_[static_cast<size_t>(g_.id(e.node.get()))];
      heads_.insert(g_.entry(e));
    }
  }

  std::vector<Entry> run() {
    find_chains();
    int64_t least = peak({});
    if (least <= limit_) return g_.heads();
    std::vector<StripGroup> best;
    for (int64_t threshold : thresholds()) {
      std::vector<StripGroup> groups = larger_than(threshold);
      const int64_t bytes = groups.empty() ? least : peak(groups);
      if (bytes >= least) continue;
      least = bytes;
      best = std::move(groups);
      if (least <= limit_) break;
    }
    if (best.empty()) return g_.heads();
    raise(best, std::max(least, limit_));
    return rewritten(best);
  }

 private:
  StripMember member(int id) const { return {g_.node(id)->op, g_.node(id)->params}; }
  const Shape& shape(const Entry& e) const { return typed_.shapes[static_cast<size_t>(g_.entry(e))]; }
  int64_t rows_in(int id) const { return shape(g_.node(id)->inputs[0])[rows_axis]; }
  int64_t rows_out(int id) const { return shape({g_.node(id), 0})[rows_axis]; }

  bool may_be_member(int id) const {
    const Node& node = *g_.node(id);
    if (node.is_variable() || node.derived || node.inputs.empty()) return false;
    const std::optional<RowWindow> window = strip_window(member(id));
    const Shape &in = shape(node.inputs[0]), &out = shape({g_.node(id), 0});
    if (!window || in.ndim() <= rows_axis || out.ndim() != in.ndim() || in.size() == 0 || out.size() == 0) return false;
    // A parameter is the same before and after the rest of the chain.
    const bool parameters = std::all_of(node.inputs.begin() + 1, node.inputs.end(), [&](const Entry& e) {
      return e.node->derived || (e.node->is_variable() && !changed_[static_cast<size_t>(g_.entry(e))]);
    });
    return parameters && can_strip(*window, in[rows_axis], out[rows_axis]);
  }

  // The member that makes a member's input for it alone, or -1.
  int producer(int id, const std::vector<bool>& members) const {
    const int before = g_.id(g_.node(id)->inputs[0].node.get());
    return members[static_cast<size_t>(before)] && readers_[static_cast<size_t>(before)] == 1 ? before : -1;
  }

  void find_chains() {
    std::vector<bool> members;
    std::vector<int> chain_of(static_cast<size_t>(g_.num_nodes()), -1);
    for (int id = 0; id < g_.num_nodes(); ++id) {
      members.push_back(may_be_member(id));
      if (!members.back()) continue;
      const int before = producer(id, members);
      int& chain = chain_of[static_cast<size_t>(id)];
      chain = before < 0 ? static_cast<int>(chains_.size()) : chain_of[static_cast<size_t>(before)];
      if (before < 0) chains_.emplace_back();
      chains_[static_cast<size_t>(chain)].push_back(id);
    }
  }

  int64_t inner_bytes(const Entry& e) const {
    const int entry = g_.entry(e);
    return e.node->is_variable() || heads_.count(entry) ? 0 : typed_.bytes(entry);
  }
  int64_t bytes_at(int id) const { return inner_bytes(g_.node(id)->inputs[0]) + inner_bytes({g_.node(id), 0}); }

  // From large to small.
  std::vector<int64_t> thresholds() const {
    std::set<int64_t, std::greater<>> all;
    for (const std::vector<int>& chain : chains_) {
      for (int id : chain) all.insert(bytes_at(id));
    }
    std::vector<int64_t> list(all.begin(), all.end());
    if (list.size() > most_thresholds) list.resize(most_thresholds);
    for (int64_t& bytes : list) --bytes;
    return list;
  }

  // Neighbours whose values are larger, two at least.
  std::vector<StripGroup> larger_than(int64_t threshold) const {
    std::vector<StripGroup> groups;
    for (const std::vector<int>& chain : chains_) {
      StripGroup group;
      auto close = [&] {
        if (group.nodes.size() > 1) groups.push_back(group);
        group.nodes.clear();
      };
      for (int id : chain) {
        if (bytes_at(id) > threshold) group.nodes.push_back(id);
        else close();
      }
      close();
    }
    return groups;
  }

  // What a group holds between its members; the largest twice, since a kernel may copy the rows it reads.
  int64_t workspace(const StripGroup& group) const {
    std::vector<RowWindow> windows;
    std::vector<int64_t> rows{rows_in(group.nodes[0])};
    for (int id : group.nodes) {
      windows.push_back(*strip_window(member(id)));
      rows.push_back(rows_out(id));
    }
    const StripSchedule schedule = schedule_strips(windows, rows, group.height);
    int64_t bytes = 0, largest = 0;
    for (size_t m = 0; m < group.nodes.size(); ++m) {
      const Entry& e = g_.node(group.nodes[m])->inputs[0];
      const int64_t held = typed_.bytes(g_.entry(e)) / shape(e)[0] / rows[m] * most_rows(schedule, m);
      bytes += held;
      largest = std::max(largest, held);
    }
    return bytes + largest;
  }

  // The heads; and the nodes that the groups have become.
  std::vector<Entry> rewritten(const std::vector<StripGroup>& groups,
                               std::vector<const Node*>* strips = nullptr) const {
    std::vector<int> group_of(static_cast<size_t>(g_.num_nodes()), -1);
    for (size_t i = 0; i < groups.size(); ++i) {
      for (int id : groups[i].nodes) group_of[static_cast<size_t>(id)] = static_cast<int>(i);
    }
    if (strips) strips->resize(groups.size());
    Rewriter made(g_);
    for (int id = 0; id < g_.num_nodes(); ++id) {
      const int index = group_of[static_cast<size_t>(id)];
      if (index < 0) {
        made.keep(id);
        continue;
      }
      const StripGroup& group = groups[static_cast<size_t>(index)];
      if (group.nodes.back() != id) continue;
      const NodePtr node = join(group, made);
      made.replace(id, 0, {node, 0});
      if (strips) (*strips)[static_cast<size_t>(index)] = node.get();
    }
    return made.heads();
  }

  NodePtr join(const StripGroup& group, const Rewriter& made) const {
    auto node = std::make_shared<Node>();
    std::vector<StripMember> members;
    for (int id : group.nodes) {
      const Node& old = *g_.node(id);
      members.push_back(member(id));
      node->name += (node->name.empty() ? "" : "+") + old.name;
      for (size_t i = members.size() > 1 ? 1 : 0; i < old.inputs.size(); ++i)
        node->inputs.push_back(made.now(old.inputs[i]));
    }
    // The node owns its operator.
    const auto op = make_strips_operator(std::move(members), group.height);
    node->op = op.get();
    node->params = op;
    return node;
  }

  int64_t peak(const std::vector<StripGroup>& groups) const {
    std::vector<const Node*> strips;
    const Typed now = retype(rewritten(groups, &strips), typed_);
    std::vector<int64_t> needed(static_cast<size_t>(now.graph.num_nodes()), 0);
    for (size_t i = 0; i < strips.size(); ++i)
      needed[static_cast<size_t>(now.graph.id(strips[i]))] = workspace(groups[i]);
    return peak_bytes(now, std::move(needed));
  }

  // The fewest strips, all about as high, with which the graph needs no more than `most`: fewer calls, and fewer rows moved.
  void raise(std::vector<StripGroup>& groups, int64_t most) const {
    for (StripGroup& group : groups) {
      const int64_t rows = rows_out(group.nodes.back());
      for (int64_t strips = 1, tried = 0; strips < rows; ++strips) {
        group.height = (rows + strips - 1) / strips;
        if (group.height == tried) continue;
        tried = group.height;
        if (workspace(group) <= cache_bytes && peak(groups) <= most) break;
        group.height = 1;
      }
    }
  }

  const Typed& typed_;
  const Graph& g_;
  const int64_t limit_;
  std::vector<int> readers_;   // by node, heads counted
  std::vector<bool> changed_;  // by entry
  std::set<int> heads_;        // entries
  std::vector<std::vector<int>> chains_;
};

}  // namespace

std::vector<Entry> run_in_strips(const Typed& typed, int64_t bytes) { return StripPass(typed, bytes).run(); }

}  // namespace mixnet

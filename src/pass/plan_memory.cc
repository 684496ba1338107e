#include "pass/plan_memory.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/contains.h"

namespace mixnet {
namespace {

constexpr int64_t alignment = 64;
int64_t aligned(int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

// A piece of the arena during the steps [first, last].
struct Interval {
  int64_t bytes = 0;
  int first = 0, last = 0;
  int64_t offset = 0;
};

class Planner {
 public:
  explicit Planner(const MemoryPlanInput& input) : in_(input), g_(*input.graph) {
    const size_t entries = static_cast<size_t>(g_.num_entries()), nodes = static_cast<size_t>(g_.num_nodes());
    plan_.offset.assign(entries, MemoryPlan::nowhere);
    plan_.same_as.resize(entries);
    std::iota(plan_.same_as.begin(), plan_.same_as.end(), 0);
    plan_.elided.assign(nodes, false);
    plan_.workspace_offset.assign(nodes, 0);
    group_.assign(entries, -1);
    last_use_.assign(entries, -1);
  }

  MemoryPlan run() {
    find_intervals();
    assign_offsets();
    return std::move(plan_);
  }

  int64_t bound() {
    find_intervals();
    return most_alive();
  }

 private:
  void find_intervals() {
    find_last_uses();
    for (int id = 0; id < g_.num_nodes(); ++id) {
      if (!g_.node(id)->is_variable()) place_node(id);
    }
  }

  void find_last_uses() {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      const Node& node = *g_.node(id);
      for (int i = 0; i < g_.num_outputs(id); ++i) last_use_[static_cast<size_t>(g_.entry(id, i))] = id;
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        if (!contains(node.op->shape_only, static_cast<int>(i)))
          last_use_[static_cast<size_t>(g_.entry(node.inputs[i]))] = id;
      }
    }
  }

  void place_node(int id) {
    const Node& node = *g_.node(id);
    const int outputs = g_.num_outputs(id);
    if (outputs == 1 && try_view(id, node)) return;
    for (int o = 0; o < outputs; ++o) {
      const size_t e = static_cast<size_t>(g_.entry(id, o));
      if (in_.external[e]) continue;
      const int taken = in_.inplace ? find_inplace(id, node, o) : -1;
      if (taken >= 0) {
        group_[e] = taken;
        extend(taken, last_use_[e]);
        taken_at_[taken] = id;
      } else {
        group_[e] = new_interval(in_.bytes[e], id, last_use_[e]);
      }
    }
    const int64_t workspace = in_.workspace[static_cast<size_t>(id)];
    workspace_interval_.push_back(workspace > 0 ? new_interval(workspace, id, id) : -1);
    workspace_node_.push_back(id);
  }

  // An output that is its input with another shape needs neither memory nor work.
  bool try_view(int id, const Node& node) {
    const size_t out = static_cast<size_t>(g_.entry(id, 0));
    if (!in_.inplace || node.op->alias.empty() || in_.external[out]) return false;
    const size_t source = static_cast<size_t>(g_.entry(node.inputs[static_cast<size_t>(node.op->alias[0].first)]));
    const size_t root = static_cast<size_t>(plan_.same_as[source]);
    // An external root may be written by this graph (a gradient, a state) before the view is read: copy then.
    if (in_.bytes[source] != in_.bytes[out] || (in_.external[root] && external_changes(root))) return false;
    plan_.same_as[out] = static_cast<int>(root);
    plan_.elided[static_cast<size_t>(id)] = true;
    group_[out] = group_[source];
    if (group_[out] >= 0) extend(group_[out], last_use_[out]);
    return true;
  }

  bool external_changes(size_t root) const {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      const Node& node = *g_.node(id);
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        if (node.mutates_input(static_cast<int>(i)) && static_cast<size_t>(g_.entry(node.inputs[i])) == root)
          return true;
      }
    }
    return false;
  }

  // The interval of an input that output o may take over, or -1.
  int find_inplace(int id, const Node& node, int o) const {
    const size_t out = static_cast<size_t>(g_.entry(id, o));
    for (const auto& [i, output] : node.op->inplace) {
      if (output != o || i >= static_cast<int>(node.inputs.size())) continue;
      const size_t source = static_cast<size_t>(g_.entry(node.inputs[static_cast<size_t>(i)]));
      const int group = group_[source];
      if (group < 0 || in_.bytes[source] != in_.bytes[out] ||
          aligned(in_.bytes[out]) != intervals_[static_cast<size_t>(group)].bytes)
        continue;
      if (intervals_[static_cast<size_t>(group)].last > id) continue;  // somebody reads it later
      auto taken = taken_at_.find(group);
      if (taken != taken_at_.end() && taken->second == id) continue;  // another output of this node has it
      if (reads_through_another_input(node, i, o, group)) continue;
      return group;
    }
    return -1;
  }

  // In place is only sound when no other input of the node lies in the same memory.
  bool reads_through_another_input(const Node& node, int input, int o, int group) const {
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      if (static_cast<int>(k) == input || contains(node.op->shape_only, static_cast<int>(k))) continue;
      const bool may_share = std::find(node.op->inplace.begin(), node.op->inplace.end(),
                                       std::make_pair(static_cast<int>(k), o)) != node.op->inplace.end();
      if (group_[static_cast<size_t>(g_.entry(node.inputs[k]))] == group && !may_share) return true;
    }
    return false;
  }

  int new_interval(int64_t bytes, int first, int last) {
    intervals_.push_back({aligned(bytes), first, last, 0});
    return static_cast<int>(intervals_.size()) - 1;
  }

  void extend(int interval, int last) {
    Interval& x = intervals_[static_cast<size_t>(interval)];
    x.last = std::max(x.last, last);
  }

  // Lowest gap that fits among the intervals already placed and alive at the same time.
  static int64_t place(std::vector<Interval>& all, const std::vector<size_t>& order, bool reuse) {
    int64_t top = 0;
    std::vector<const Interval*> placed, alive;
    for (size_t index : order) {
      Interval& x = all[index];
      alive.clear();
      for (const Interval* p : placed) {
        if (!reuse || (p->first <= x.last && x.first <= p->last)) alive.push_back(p);
      }
      std::sort(alive.begin(), alive.end(), [](auto* a, auto* b) { return a->offset < b->offset; });
      int64_t best = -1, best_gap = 0, end = 0;
      for (const Interval* p : alive) {
        const int64_t gap = p->offset - end;
        if (gap >= x.bytes && (best < 0 || gap < best_gap)) {
          best = end;
          best_gap = gap;
        }
        end = std::max(end, p->offset + p->bytes);
      }
      x.offset = best >= 0 ? best : end;
      top = std::max(top, x.offset + x.bytes);
      placed.push_back(&x);
    }
    return top;
  }

  void assign_offsets() {
    std::vector<size_t> order(intervals_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::vector<Interval> best = intervals_;
    plan_.arena_bytes = place(best, order, in_.reuse);
    plan_.lower_bound = most_alive();
    std::stable_sort(order.begin(), order.end(),
                     [this](size_t a, size_t b) { return intervals_[a].bytes > intervals_[b].bytes; });
    // The value that lies highest was placed too late: it comes first in the next try.
    const size_t tries = in_.reuse ? std::min<size_t>(64, 1 + 400000 / (intervals_.size() + 1)) : 0;
    for (size_t i = 0; i < tries && plan_.arena_bytes > plan_.lower_bound; ++i) {
      std::vector<Interval> tried = intervals_;
      const int64_t bytes = place(tried, order, true);
      auto highest = order.begin();
      for (auto it = order.begin(); it != order.end(); ++it) {
        if (tried[*it].offset + tried[*it].bytes == bytes) highest = it;
      }
      std::rotate(order.begin(), highest, highest + 1);
      if (bytes >= plan_.arena_bytes) continue;
      plan_.arena_bytes = bytes;
      best = std::move(tried);
    }
    intervals_ = std::move(best);
    for (size_t e = 0; e < group_.size(); ++e) {
      if (group_[e] >= 0) plan_.offset[e] = intervals_[static_cast<size_t>(group_[e])].offset;
    }
    for (size_t i = 0; i < workspace_node_.size(); ++i) {
      if (workspace_interval_[i] < 0) continue;
      plan_.workspace_offset[static_cast<size_t>(workspace_node_[i])] =
          intervals_[static_cast<size_t>(workspace_interval_[i])].offset;
    }
  }

  int64_t most_alive() const {
    std::vector<int64_t> change(static_cast<size_t>(g_.num_nodes()) + 1, 0);
    for (const Interval& x : intervals_) {
      change[static_cast<size_t>(x.first)] += x.bytes;
      change[static_cast<size_t>(x.last) + 1] -= x.bytes;
    }
    int64_t now = 0, most = 0;
    for (int64_t c : change) most = std::max(most, now += c);
    return most;
  }

  const MemoryPlanInput& in_;
  const Graph& g_;
  MemoryPlan plan_;
  std::vector<int> last_use_;  // by entry, a node
  std::vector<int> group_;     // by entry, its interval; -1 for external
  std::vector<Interval> intervals_;
  std::map<int, int> taken_at_;  // interval, the node that last took it over in place
  std::vector<int> workspace_node_, workspace_interval_;
};

}  // namespace

MemoryPlan plan_memory(const MemoryPlanInput& input) { return Planner(input).run(); }
int64_t most_alive(const MemoryPlanInput& input) { return Planner(input).bound(); }

namespace {

// Which value each byte range of the arena holds while the plan is replayed.
class TaggedArena {
 public:
  void write(int64_t offset, int64_t bytes, int tag) {
    if (bytes == 0) return;
    erase(offset, offset + bytes);
    ranges_[offset] = {offset + bytes, tag};
  }
  bool holds(int64_t offset, int64_t bytes, int tag) const {
    if (bytes == 0) return true;
    auto it = ranges_.find(offset);
    return it != ranges_.end() && it->second.first == offset + bytes && it->second.second == tag;
  }

 private:
  void erase(int64_t begin, int64_t end) {
    auto it = ranges_.upper_bound(begin);
    if (it != ranges_.begin()) --it;
    while (it != ranges_.end() && it->first < end) {
      if (it->second.first > begin) it = ranges_.erase(it);
      else ++it;
    }
  }
  std::map<int64_t, std::pair<int64_t, int>> ranges_;  // begin: (end, tag); a cut range is gone as a whole
};

// An output may lie on an input only where the schema says in place, and then exactly.
void check_inputs_apart(const Graph& g, const Node& node, int output, const MemoryPlanInput& input,
                        const MemoryPlan& plan, int64_t begin, int64_t end) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const size_t e = static_cast<size_t>(g.entry(node.inputs[i]));
    if (plan.offset[e] == MemoryPlan::nowhere || contains(node.op->shape_only, static_cast<int>(i))) continue;
    const int64_t b = plan.offset[e], t = b + input.bytes[e];
    if (end <= b || begin >= t || begin == end || b == t) continue;
    const auto& pairs = node.op->inplace;
    const bool declared =
        std::find(pairs.begin(), pairs.end(), std::make_pair(static_cast<int>(i), output)) != pairs.end();
    MIXNET_CHECK(declared && b == begin && t == end, internal, "[plan] ", node.place(), " overwrites its input ", i);
  }
}

}  // namespace

void verify_memory_plan(const MemoryPlanInput& input, const MemoryPlan& plan) {
  const Graph& g = *input.graph;
  TaggedArena arena;
  constexpr int scratch = -2;
  for (int id = 0; id < g.num_nodes(); ++id) {
    const Node& node = *g.node(id);
    if (node.is_variable() || plan.elided[static_cast<size_t>(id)]) continue;
    arena.write(plan.workspace_offset[static_cast<size_t>(id)], input.workspace[static_cast<size_t>(id)], scratch);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const size_t e = static_cast<size_t>(g.entry(node.inputs[i]));
      if (plan.offset[e] == MemoryPlan::nowhere || contains(node.op->shape_only, static_cast<int>(i))) continue;
      const int tag = plan.same_as[e];
      MIXNET_CHECK(arena.holds(plan.offset[e], input.bytes[e], tag), internal, "[plan] ", node.place(), " input ", i,
                   " was overwritten before it is read");
    }
    std::vector<std::pair<int64_t, int64_t>> written;
    for (int o = 0; o < g.num_outputs(id); ++o) {
      const size_t e = static_cast<size_t>(g.entry(id, o));
      if (input.external[e]) continue;
      const int64_t begin = plan.offset[e], end = begin + input.bytes[e];
      MIXNET_CHECK(begin >= 0 && end <= plan.arena_bytes, internal, "[plan] ", node.place(),
                   " writes outside the arena");
      for (const auto& [b, t] : written) {
        MIXNET_CHECK(end <= b || begin >= t || begin == end, internal, "[plan] ", node.place(),
                     " has two outputs in one place");
      }
      written.emplace_back(begin, end);
      const int64_t w = plan.workspace_offset[static_cast<size_t>(id)],
                    w_end = w + input.workspace[static_cast<size_t>(id)];
      MIXNET_CHECK(w == w_end || begin == end || end <= w || begin >= w_end, internal, "[plan] ", node.place(),
                   " writes into its workspace");
      check_inputs_apart(g, node, o, input, plan, begin, end);
      arena.write(begin, input.bytes[e], static_cast<int>(e));
    }
  }
}

}  // namespace mixnet

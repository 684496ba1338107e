#include "pass/plan_memory.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/contains.h"
#include "pass/homes.h"
#include "pass/near_order.h"

namespace mixnet {
namespace {

constexpr int64_t alignment = 64;
int64_t aligned(int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

// A piece of the arena during the steps [first, last].
struct Interval {
  int64_t bytes = 0;
  int first = 0, last = 0;
  int space = 0;
  int64_t offset = 0;
};

class Planner {
 public:
  // `kept`: nodes whose inputs keep places of their own. `window`: how near nodes are that may run side by side; 0: none.
  Planner(const MemoryPlanInput& input, const std::vector<bool>& kept, int window = 0)
      : in_(input), g_(*input.graph), order_(g_, window) {
    const size_t entries = static_cast<size_t>(g_.num_entries()), nodes = static_cast<size_t>(g_.num_nodes());
    plan_.offset.assign(entries, MemoryPlan::nowhere);
    plan_.bytes = in_.bytes;
    plan_.same_as.resize(entries);
    std::iota(plan_.same_as.begin(), plan_.same_as.end(), 0);
    plan_.within.assign(entries, 0);
    plan_.elided.assign(nodes, false);
    plan_.workspace_offset.assign(nodes, 0);
    group_.assign(entries, -1);
    last_use_.assign(entries, -1);
    find_last_uses();
    homes_ = find_homes(in_, last_use_, kept);
    find_roots();
  }

  MemoryPlan run() {
    find_intervals();
    assign_offsets();
    return std::move(plan_);
  }

  int64_t bound() {
    find_intervals();
    int64_t bytes = 0;
    for (const std::vector<size_t>& members : by_space()) bytes += most_alive(pick(members));
    return bytes;
  }
  const std::vector<bool>& joined() const { return homes_.elided; }

 private:
  void find_intervals() {
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

  // A root is alive from its first part to the last use of any.
  void find_roots() {
    root_last_ = last_use_;
    root_group_.assign(last_use_.size(), -1);
    until_.assign(last_use_.size(), Home::never);
    for (size_t e = 0; e < homes_.of.size(); ++e) {
      until_[e] = homes_.of[e].until;
      if (homes_.of[e].root < 0) continue;
      int& last = root_last_[static_cast<size_t>(homes_.of[e].root)];
      last = std::max(last, last_use_[e]);
    }
  }

  void go_home(int id, size_t e) {
    const Home& home = homes_.of[e];
    const size_t root = static_cast<size_t>(home.root < 0 ? static_cast<int>(e) : home.root);
    plan_.same_as[e] = static_cast<int>(root);
    plan_.within[e] = home.at;
    if (in_.external[root]) return;
    if (root_group_[root] < 0) root_group_[root] = new_interval(in_.bytes[root], id, root_last_[root]);
    group_[e] = root_group_[root];
  }

  void place_node(int id) {
    const Node& node = *g_.node(id);
    const int outputs = g_.num_outputs(id);
    if (homes_.elided[static_cast<size_t>(id)]) {
      plan_.elided[static_cast<size_t>(id)] = true;
      return go_home(id, static_cast<size_t>(g_.entry(id, 0)));
    }
    if (try_views(id, node)) return;
    for (int o = 0; o < outputs; ++o) {
      const size_t e = static_cast<size_t>(g_.entry(id, o));
      if (in_.external[e]) continue;
      if (homes_.of[e].root >= 0) {
        go_home(id, e);
        continue;
      }
      const int source = in_.inplace ? find_inplace(id, node, o) : -1;
      if (source >= 0) {
        const int taken = group_[e] = group_[static_cast<size_t>(source)];
        plan_.within[e] = plan_.within[static_cast<size_t>(source)];
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

  // The input of which the outputs are views, and where they lie in it.
  std::pair<int, std::vector<int64_t>> find_views(int id, const Node& node) const {
    if (!in_.pieces.empty()) {
      const Pieces& p = in_.pieces[static_cast<size_t>(id)];
      if (p.kind == Pieces::cut || p.kind == Pieces::view) return {p.first, p.at};
      return {-1, {}};
    }
    if (node.op->alias.empty() || g_.num_outputs(id) != 1) return {-1, {}};
    const int input = node.op->alias[0].first;
    const size_t in = static_cast<size_t>(g_.entry(node.inputs[static_cast<size_t>(input)]));
    return {in_.bytes[in] == in_.bytes[static_cast<size_t>(g_.entry(id, 0))] ? input : -1, {0}};
  }

  // Outputs that are the input with another shape, or pieces of it, need neither memory nor work.
  bool try_views(int id, const Node& node) {
    if (!in_.inplace) return false;
    const auto [input, at] = find_views(id, node);
    if (input < 0) return false;
    const size_t source = static_cast<size_t>(g_.entry(node.inputs[static_cast<size_t>(input)]));
    const size_t root = static_cast<size_t>(plan_.same_as[source]);
    // An external root may be written by this graph (a gradient, a state) before the view is read: copy then.
    if (in_.external[root] && external_changes(root)) return false;
    for (size_t o = 0; o < at.size(); ++o) {
      const size_t out = static_cast<size_t>(g_.entry(id, static_cast<int>(o)));
      if (in_.external[out] || homes_.of[out].root >= 0 || root_group_[out] >= 0) return false;
      if (last_use_[out] >= until_[source]) return false;
    }
    plan_.elided[static_cast<size_t>(id)] = true;
    for (size_t o = 0; o < at.size(); ++o) {
      const size_t out = static_cast<size_t>(g_.entry(id, static_cast<int>(o)));
      plan_.same_as[out] = static_cast<int>(root);
      plan_.within[out] = plan_.within[source] + at[o];
      until_[out] = until_[source];
      group_[out] = group_[source];
      if (group_[out] >= 0) extend(group_[out], last_use_[out]);
    }
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

  // An input whose memory output o may take over, or -1.
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
      if (reads_through_another_input(node, i, o, group) || read_beside(group, id)) continue;
      return static_cast<int>(source);
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

  // Whether a node that need not be over before this one reads what lies there.
  bool read_beside(int group, int id) const {
    if (order_.window() == 0) return false;
    for (int other = 0; other < id; ++other) {
      if (!order_.ordered(other, id) && touches(other, group)) return true;
    }
    return false;
  }
  // Whether a node that runs reads or writes what lies there.
  bool touches(int id, int group) const {
    const Node& node = *g_.node(id);
    if (node.is_variable() || node.derived || plan_.elided[static_cast<size_t>(id)]) return false;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (group_[static_cast<size_t>(g_.entry(node.inputs[i]))] == group &&
          !contains(node.op->shape_only, static_cast<int>(i)))
        return true;
    }
    for (int o = 0; o < g_.num_outputs(id); ++o) {
      if (group_[static_cast<size_t>(g_.entry(id, o))] == group) return true;
    }
    return false;
  }
  // By interval, the nodes that read or write it, in order.
  std::vector<std::vector<int>> find_touching() const {
    std::vector<std::vector<int>> touching(intervals_.size());
    const auto add = [&](int interval, int id) {
      if (interval < 0) return;
      std::vector<int>& all = touching[static_cast<size_t>(interval)];
      if (all.empty() || all.back() != id) all.push_back(id);
    };
    for (int id = 0; id < g_.num_nodes(); ++id) {
      const Node& node = *g_.node(id);
      if (node.is_variable() || node.derived || plan_.elided[static_cast<size_t>(id)]) continue;
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        if (!contains(node.op->shape_only, static_cast<int>(i)))
          add(group_[static_cast<size_t>(g_.entry(node.inputs[i]))], id);
      }
      for (int o = 0; o < g_.num_outputs(id); ++o) add(group_[static_cast<size_t>(g_.entry(id, o))], id);
    }
    for (size_t i = 0; i < workspace_node_.size(); ++i) add(workspace_interval_[i], workspace_node_[i]);
    return touching;
  }

  // By interval, those with which it shares no memory although they are over before it begins: nodes of both may run at the same time.
  using Beside = std::vector<std::vector<size_t>>;
  Beside find_beside() const {
    Beside beside(intervals_.size());
    if (order_.window() == 0) return beside;
    const std::vector<std::vector<int>> touching = find_touching();
    const auto may_meet = [&](size_t a, size_t b) {
      if (touching[a].empty() || touching[b].empty() || order_.far(touching[a].back(), touching[b].front()))
        return false;
      for (auto it = touching[a].rbegin(); it != touching[a].rend(); ++it) {
        for (int second : touching[b]) {
          if (!order_.ordered(*it, second)) return true;
        }
      }
      return false;
    };
    for (size_t a = 0; a < intervals_.size(); ++a) {
      for (size_t b = 0; b < intervals_.size(); ++b) {
        const Interval &x = intervals_[a], &y = intervals_[b];
        if (x.last >= y.first || x.space != y.space || !may_meet(a, b)) continue;
        beside[a].push_back(b);
        beside[b].push_back(a);
      }
    }
    return beside;
  }

  int space(int id) const { return in_.spaces.empty() ? 0 : in_.spaces[static_cast<size_t>(id)]; }

  // Made by node `first`.
  int new_interval(int64_t bytes, int first, int last) {
    intervals_.push_back({aligned(bytes), first, last, space(first), 0});
    return static_cast<int>(intervals_.size()) - 1;
  }

  void extend(int interval, int last) {
    Interval& x = intervals_[static_cast<size_t>(interval)];
    x.last = std::max(x.last, last);
  }

  // Lowest gap that fits among the intervals already placed and alive at the same time, or beside it.
  static int64_t place(std::vector<Interval>& all, const std::vector<size_t>& order, const Beside& beside, bool reuse) {
    int64_t top = 0;
    std::vector<const Interval*> placed, alive;
    std::vector<size_t> apart_from(all.size(), all.size());  // by interval, for whom it was last noted
    for (size_t index : order) {
      Interval& x = all[index];
      alive.clear();
      for (size_t other : beside[index]) apart_from[other] = index;
      for (const Interval* p : placed) {
        const bool meets = p->first <= x.last && x.first <= p->last;
        if (!reuse || meets || apart_from[static_cast<size_t>(p - all.data())] == index) alive.push_back(p);
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

  // The intervals of each space.
  std::vector<std::vector<size_t>> by_space() const {
    const auto last = std::max_element(in_.spaces.begin(), in_.spaces.end());
    std::vector<std::vector<size_t>> members(last == in_.spaces.end() ? 1 : static_cast<size_t>(*last) + 1);
    for (size_t i = 0; i < intervals_.size(); ++i) members[static_cast<size_t>(intervals_[i].space)].push_back(i);
    return members;
  }
  std::vector<Interval> pick(const std::vector<size_t>& members) const {
    std::vector<Interval> picked;
    for (size_t i : members) picked.push_back(intervals_[i]);
    return picked;
  }

  void assign_offsets() {
    const Beside beside = find_beside();
    std::vector<size_t> within(intervals_.size());  // its space
    for (const std::vector<size_t>& members : by_space()) {
      for (size_t i = 0; i < members.size(); ++i) within[members[i]] = i;
      Beside its(members.size());
      for (size_t i = 0; i < members.size(); ++i) {
        for (size_t other : beside[members[i]]) its[i].push_back(within[other]);
      }
      std::vector<Interval> part = pick(members);
      MemoryPlan::Space space;
      space.begin = plan_.arena_bytes;
      space.lower_bound = most_alive(part);
      space.bytes = assign_offsets(part, its, space.lower_bound);
      for (size_t i = 0; i < part.size(); ++i) intervals_[members[i]].offset = space.begin + part[i].offset;
      plan_.arena_bytes += space.bytes;
      plan_.lower_bound += space.lower_bound;
      plan_.spaces.push_back(space);
    }
    for (size_t e = 0; e < group_.size(); ++e) {
      if (group_[e] >= 0) plan_.offset[e] = intervals_[static_cast<size_t>(group_[e])].offset + plan_.within[e];
    }
    for (size_t i = 0; i < workspace_node_.size(); ++i) {
      if (workspace_interval_[i] < 0) continue;
      plan_.workspace_offset[static_cast<size_t>(workspace_node_[i])] =
          intervals_[static_cast<size_t>(workspace_interval_[i])].offset;
    }
  }

  // Of one space, from 0; its bytes.
  int64_t assign_offsets(std::vector<Interval>& all, const Beside& beside, int64_t lower_bound) const {
    std::vector<size_t> order(all.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::vector<Interval> best = all;
    int64_t least = place(best, order, beside, in_.reuse);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return all[a].bytes > all[b].bytes; });
    // The value that lies highest was placed too late: it comes first in the next try.
    const size_t most = order_.window() > 0 ? 16 : 64,
                 tries = in_.reuse ? std::min(most, 1 + 400000 / (all.size() + 1)) : 0;
    for (size_t i = 0; i < tries && least > lower_bound; ++i) {
      std::vector<Interval> tried = all;
      const int64_t bytes = place(tried, order, beside, true);
      auto highest = order.begin();
      for (auto it = order.begin(); it != order.end(); ++it) {
        if (tried[*it].offset + tried[*it].bytes == bytes) highest = it;
      }
      std::rotate(order.begin(), highest, highest + 1);
      if (bytes >= least) continue;
      least = bytes;
      best = std::move(tried);
    }
    all = std::move(best);
    return least;
  }

  int64_t most_alive(const std::vector<Interval>& all) const {
    std::vector<int64_t> change(static_cast<size_t>(g_.num_nodes()) + 1, 0);
    for (const Interval& x : all) {
      change[static_cast<size_t>(x.first)] += x.bytes;
      change[static_cast<size_t>(x.last) + 1] -= x.bytes;
    }
    int64_t now = 0, most = 0;
    for (int64_t c : change) most = std::max(most, now += c);
    return most;
  }

  const MemoryPlanInput& in_;
  const Graph& g_;
  const NearOrder order_;
  MemoryPlan plan_;
  Homes homes_;
  std::vector<int> last_use_;  // by entry, a node
  std::vector<int> root_last_, root_group_,
      until_;               // by entry: of all that lies in it, its interval then, and Home::until
  std::vector<int> group_;  // by entry, its interval; -1 for external
  std::vector<Interval> intervals_;
  std::map<int, int> taken_at_;  // interval, the node that last took it over in place
  std::vector<int> workspace_node_, workspace_interval_;
};

// With joins, some of which may keep memory alive from their first part on: those go that make the arena larger.
// `kept_nodes` becomes those that join nothing.
MemoryPlan best_joins(const MemoryPlanInput& input, const Planner& all, MemoryPlan plan,
                      std::vector<bool>* kept_nodes) {
  constexpr size_t most = 32;
  const std::vector<bool> none(plan.elided.size(), true);
  if (plan.arena_bytes <= Planner(input, none).bound()) return plan;
  MemoryPlan copying = Planner(input, none).run();
  if (plan.arena_bytes <= copying.arena_bytes) return plan;
  std::vector<int> joins;
  for (size_t id = 0; id < none.size(); ++id) {
    if (all.joined()[id]) joins.push_back(static_cast<int>(id));
  }
  auto bytes = [&](int id) { return input.bytes[static_cast<size_t>(input.graph->entry(id, 0))]; };
  std::stable_sort(joins.begin(), joins.end(), [&](int a, int b) { return bytes(a) > bytes(b); });
  std::vector<bool> kept(none.size(), false);
  int64_t bound = plan.lower_bound;
  for (size_t i = 0; i < std::min(most, joins.size()); ++i) {
    kept[static_cast<size_t>(joins[i])] = true;
    const int64_t without = Planner(input, kept).bound();
    if (without < bound) bound = without;
    else kept[static_cast<size_t>(joins[i])] = false;
  }
  MemoryPlan some = Planner(input, kept).run();
  const bool better = some.arena_bytes <= copying.arena_bytes;
  *kept_nodes = better ? kept : none;
  return better ? some : copying;
}

// The same with room for steps side by side, if that is not much larger.
MemoryPlan with_room(const MemoryPlanInput& input, const std::vector<bool>& kept, MemoryPlan plan) {
  constexpr int64_t always = 4 << 20;
  const int64_t most = plan.arena_bytes + std::max(always, plan.arena_bytes / 10);
  for (const int window : {NearOrder::most, 24, 8}) {
    MemoryPlan wider = Planner(input, kept, window).run();
    if (wider.arena_bytes <= most) return wider;
  }
  return plan;
}

}  // namespace

MemoryPlan plan_memory(const MemoryPlanInput& input) {
  const size_t nodes = static_cast<size_t>(input.graph->num_nodes());
  std::vector<bool> kept(nodes, false);
  Planner planner(input, kept);
  MemoryPlan plan = planner.run();
  if (contains(planner.joined(), true)) plan = best_joins(input, planner, std::move(plan), &kept);
  return input.side_by_side && input.reuse ? with_room(input, kept, std::move(plan)) : plan;
}

int64_t most_alive(const MemoryPlanInput& input) {
  return Planner(input, std::vector<bool>(static_cast<size_t>(input.graph->num_nodes()), false)).bound();
}

}  // namespace mixnet

#include <algorithm>
#include <map>

#include "base/contains.h"
#include "pass/plan_memory.h"

namespace mixnet {
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

// Replays a plan over the arena and over the external arrays in which it puts values of its own.
class Replay {
 public:
  Replay(const MemoryPlanInput& input, const MemoryPlan& plan) : in_(input), g_(*input.graph), plan_(plan) {}

  void run() {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      const Node& node = *g_.node(id);
      if (node.is_variable() || node.derived) continue;
      if (plan_.elided[static_cast<size_t>(id)]) check_elided(id, node);
      else step(id, node);
    }
  }

 private:
  // A value's place: the arena (-1) or an external entry's array, and where in it.
  struct Place {
    int space;
    int64_t begin, end;
    bool overlaps(const Place& other) const {
      return space == other.space && begin < other.end && other.begin < end && begin < end && other.begin < other.end;
    }
    bool operator==(const Place& other) const {
      return space == other.space && begin == other.begin && end == other.end;
    }
  };
  Place place(int entry) const {
    const size_t e = static_cast<size_t>(entry), root = static_cast<size_t>(plan_.same_as[e]);
    const bool outside = in_.external[root];
    const int64_t begin = outside ? plan_.within[e] : plan_.offset[e];
    return {outside ? static_cast<int>(root) : -1, begin, begin + in_.bytes[e]};
  }
  const MemoryPlan::Space& arena(int id) const {
    return plan_.spaces[in_.spaces.empty() ? 0 : static_cast<size_t>(in_.spaces[static_cast<size_t>(id)])];
  }
  bool read(const Node& node, size_t i) const { return !contains(node.op->shape_only, static_cast<int>(i)); }

  // A value whose node did not run is there when what it is made of is.
  bool there(int entry) {
    const Node& node = *nodes_of(entry);
    if (node.is_variable() || node.derived) return true;
    const int id = g_.id(&node);
    if (!plan_.elided[static_cast<size_t>(id)]) {
      const Place p = place(entry);
      return memory_[p.space].holds(p.begin, p.end - p.begin, entry);
    }
    const auto [first, count] = sources(id, node);
    for (int i = first; i < first + count; ++i) {
      if (!there(g_.entry(node.inputs[static_cast<size_t>(i)]))) return false;
    }
    return true;
  }
  const Node* nodes_of(int entry) {
    if (producer_.empty()) {
      for (int id = 0; id < g_.num_nodes(); ++id)
        producer_.resize(producer_.size() + static_cast<size_t>(g_.num_outputs(id)), g_.node(id).get());
    }
    return producer_[static_cast<size_t>(entry)];
  }

  bool is_join(int id) const { return !in_.pieces.empty() && in_.pieces[static_cast<size_t>(id)].kind == Pieces::join; }
  // First input of which an elided node's outputs are made, and their number.
  std::pair<int, int> sources(int id, const Node& node) const {
    if (in_.pieces.empty()) return {node.op->alias[0].first, 1};
    const Pieces& p = in_.pieces[static_cast<size_t>(id)];
    return {p.first, is_join(id) ? static_cast<int>(p.at.size()) : 1};
  }

  void check_elided(int id, const Node& node) const {
    const auto [first, count] = sources(id, node);
    const std::vector<int64_t> at =
        in_.pieces.empty() ? std::vector<int64_t>{0} : in_.pieces[static_cast<size_t>(id)].at;
    const int whole = is_join(id) ? g_.entry(id, 0) : g_.entry(node.inputs[static_cast<size_t>(first)]);
    const Place all = place(whole);
    for (size_t i = 0; i < at.size(); ++i) {
      const int piece =
          is_join(id) ? g_.entry(node.inputs[static_cast<size_t>(first) + i]) : g_.entry(id, static_cast<int>(i));
      const Place p = place(piece);
      const bool unused = p.begin == p.end;
      MIXNET_CHECK(unused || (p.space == all.space && p.begin == all.begin + at[i] && p.end <= all.end), internal,
                   "[plan] ", node.place(), " does not run, but piece ", i, " is not where it belongs");
    }
  }

  void step(int id, const Node& node) {
    const int64_t w = plan_.workspace_offset[static_cast<size_t>(id)];
    const Place workspace{-1, w, w + in_.workspace[static_cast<size_t>(id)]};
    memory_[-1].write(workspace.begin, workspace.end - workspace.begin, scratch);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      MIXNET_CHECK(!read(node, i) || there(g_.entry(node.inputs[i])), internal, "[plan] ", node.place(), " input ", i,
                   " was overwritten before it is read");
    }
    std::vector<Place> written;
    for (int o = 0; o < g_.num_outputs(id); ++o) {
      const int entry = g_.entry(id, o);
      const Place p = place(entry);
      const MemoryPlan::Space own =
          p.space < 0 ? arena(id) : MemoryPlan::Space{0, in_.bytes[static_cast<size_t>(p.space)]};
      MIXNET_CHECK(p.begin >= own.begin && p.end <= own.begin + own.bytes, internal, "[plan] ", node.place(),
                   " writes outside its memory");
      for (const Place& other : written) {
        MIXNET_CHECK(!p.overlaps(other), internal, "[plan] ", node.place(), " has two outputs in one place");
      }
      written.push_back(p);
      MIXNET_CHECK(!p.overlaps(workspace), internal, "[plan] ", node.place(), " writes into its workspace");
      check_inputs_apart(node, o, p);
      memory_[p.space].write(p.begin, p.end - p.begin, entry);
    }
  }

  // An output may lie on an input only where the schema says in place, and then exactly.
  void check_inputs_apart(const Node& node, int output, const Place& out) const {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const Place in = place(g_.entry(node.inputs[i]));
      if (!read(node, i) || !in.overlaps(out)) continue;
      const bool declared = contains(node.op->inplace, std::make_pair(static_cast<int>(i), output));
      MIXNET_CHECK(declared && in == out, internal, "[plan] ", node.place(), " overwrites its input ", i);
    }
  }

  static constexpr int scratch = -2;
  const MemoryPlanInput& in_;
  const Graph& g_;
  const MemoryPlan& plan_;
  std::map<int, TaggedArena> memory_;  // by space
  std::vector<const Node*> producer_;  // by entry
};

}  // namespace

void verify_memory_plan(const MemoryPlanInput& input, const MemoryPlan& plan) { Replay(input, plan).run(); }

}  // namespace mixnet

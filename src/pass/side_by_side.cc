#include "pass/side_by_side.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "pass/typed.h"

namespace mixnet {
namespace {

class Simulation {
 public:
  explicit Simulation(const SideBySideInput& input)
      : in_(input),
        g_(input.graph),
        needs_(nodes()),
        readers_(nodes()),
        unmet_(nodes()),
        ready_at_(nodes(), 0),
        lanes_(1 + static_cast<size_t>(*std::max_element(in_.spaces.begin(), in_.spaces.end()))) {
    find_needs();
    find_turns();
  }

  std::vector<int> run() {
    const std::vector<Entry>& heads = g_.heads();
    const Graph forward(std::vector<Entry>(heads.begin(), heads.begin() + in_.num_forward_heads));
    for (const bool part : {true, false}) {
      std::vector<int> ids;
      for (int id = 0; id < g_.num_nodes(); ++id) {
        if (forward.contains(g_.node(id).get()) == part) ids.push_back(id);
      }
      simulate(ids);
      for (Lane& lane : lanes_) flush(lane);
    }
    return std::move(order_);
  }

 private:
  // A device: since when it is free, its nodes whose inputs will be there (at a time) or are (by turn), and those that have been
  // started and not yet given out.
  struct Lane {
    int64_t free_at = 0;
    std::set<std::pair<int64_t, int>> coming;
    std::set<std::pair<int, int>> there;
    std::vector<int> started;
  };

  size_t nodes() const { return static_cast<size_t>(g_.num_nodes()); }
  Lane& lane(int id) { return lanes_[static_cast<size_t>(in_.spaces[static_cast<size_t>(id)])]; }

  void need(int id, int before) {
    needs_[static_cast<size_t>(id)].push_back(before);
    readers_[static_cast<size_t>(before)].push_back(id);
  }

  void find_needs() {
    const std::vector<bool> changing = changing_variables(g_);
    std::vector<int> last(changing.size(), -1);  // by changing entry: who touched it last
    for (int id = 0; id < g_.num_nodes(); ++id) {
      for (const Entry& e : g_.node(id)->inputs) {
        need(id, g_.id(e.node.get()));
        const size_t entry = static_cast<size_t>(g_.entry(e));
        if (!changing[entry]) continue;
        if (last[entry] >= 0 && last[entry] != id) need(id, last[entry]);
        last[entry] = id;
      }
    }
    for (size_t id = 0; id < nodes(); ++id) unmet_[id] = needs_[id].size();
  }

  // A node comes when it is its number's turn; what another device waits for, at the turn of the last node that it needs.
  void find_turns() {
    std::vector<bool> leaves(nodes());
    for (int id = g_.num_nodes(); id-- > 0;) {
      const std::vector<int>& readers = readers_[static_cast<size_t>(id)];
      const bool elsewhere = std::any_of(readers.begin(), readers.end(), [&](int r) { return &lane(r) != &lane(id); });
      const bool on_the_way = !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](int reader) {
        return leaves[static_cast<size_t>(reader)];
      });
      leaves[static_cast<size_t>(id)] = elsewhere || on_the_way;
    }
    for (int id = 0; id < g_.num_nodes(); ++id) {
      const std::vector<int>& needs = needs_[static_cast<size_t>(id)];
      int turn = leaves[static_cast<size_t>(id)] && !needs.empty() ? 0 : id;
      for (int before : needs) turn = std::max(turn, turns_[static_cast<size_t>(before)]);
      turns_.push_back(turn);
    }
  }

  void simulate(const std::vector<int>& ids) {
    part_.assign(nodes(), false);
    for (int id : ids) part_[static_cast<size_t>(id)] = true;
    for (int id : ids) {
      if (unmet_[static_cast<size_t>(id)] == 0) offer(id);
    }
    for (size_t left = ids.size(); left > 0; --left) start_next();
  }

  void offer(int id) { lane(id).coming.insert({ready_at_[static_cast<size_t>(id)], id}); }

  // When a lane can start its next node; its nodes that are there by then become so.
  int64_t next_start(Lane& lane) const {
    if (lane.there.empty() && lane.coming.empty()) return INT64_MAX;
    const int64_t at = lane.there.empty() ? std::max(lane.free_at, lane.coming.begin()->first) : lane.free_at;
    while (!lane.coming.empty() && lane.coming.begin()->first <= at) {
      const int id = lane.coming.begin()->second;
      lane.there.insert({turns_[static_cast<size_t>(id)], id});
      lane.coming.erase(lane.coming.begin());
    }
    return at;
  }

  void start_next() {
    Lane* first = nullptr;
    int64_t at = INT64_MAX;
    for (Lane& lane : lanes_) {
      const int64_t start = next_start(lane);
      if (start >= at) continue;
      at = start;
      first = &lane;
    }
    const int id = first->there.begin()->second;
    first->there.erase(first->there.begin());
    first->free_at = at + in_.costs[static_cast<size_t>(id)];
    give_out(*first, id);
    for (int reader : readers_[static_cast<size_t>(id)]) {
      const size_t r = static_cast<size_t>(reader);
      ready_at_[r] = std::max(ready_at_[r], first->free_at);
      if (--unmet_[r] == 0 && part_[r]) offer(reader);
    }
  }

  // What needs another device's nodes comes behind all that has been started there, and ends the stretch of its own.
  void give_out(Lane& own, int id) {
    if (g_.node(id)->is_variable()) return order_.push_back(id);
    bool crosses = false;
    for (int before : needs_[static_cast<size_t>(id)]) {
      if (&lane(before) == &own || g_.node(before)->is_variable()) continue;
      crosses = true;
      flush(lane(before));
    }
    if (crosses) flush(own);
    own.started.push_back(id);
    if (crosses) flush(own);
  }

  void flush(Lane& lane) {
    order_.insert(order_.end(), lane.started.begin(), lane.started.end());
    lane.started.clear();
  }

  const SideBySideInput& in_;
  const Graph& g_;
  std::vector<std::vector<int>> needs_, readers_;  // by node
  std::vector<int> turns_;                         // by node: the order in which a device takes what is there
  std::vector<size_t> unmet_;                      // by node: needs that have not been started
  std::vector<int64_t> ready_at_;                  // by node
  std::vector<bool> part_;                         // by node: of the part being simulated
  std::vector<Lane> lanes_;                        // by space
  std::vector<int> order_;
};

}  // namespace

std::vector<int> side_by_side(const SideBySideInput& input) {
  std::vector<int> order(static_cast<size_t>(input.graph.num_nodes()));
  std::iota(order.begin(), order.end(), 0);
  const bool recomputed =
      std::any_of(order.begin(), order.end(), [&](int id) { return input.graph.node(id)->recomputed; });
  return recomputed ? order : Simulation(input).run();
}

}  // namespace mixnet

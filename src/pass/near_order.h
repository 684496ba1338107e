// Which of two nodes that are near each other in a graph's order needs the other: one word per node. Nodes that are further apart count as ordered.
//
// Variables and derived nodes, which are no steps, do not count as distance.
#pragma once
#include <cstdint>
#include <vector>

#include "symbol/graph.h"

namespace mixnet {

class NearOrder {
 public:
  static constexpr int most = 63;

  // `window`: how far nodes may be apart, at most `most`; 0: all nodes are ordered.
  NearOrder(const Graph& graph, int window) : window_(window), rank_(static_cast<size_t>(graph.num_nodes()), -1) {
    for (int id = 0; id < graph.num_nodes(); ++id) {
      const Node& node = *graph.node(id);
      if (node.is_variable() || node.derived) continue;
      rank_[static_cast<size_t>(id)] = static_cast<int>(needs_.size());
      uint64_t needs = 0;
      const auto add = [&](const Node* other) {
        const int at = rank_[static_cast<size_t>(graph.id(other))], back = static_cast<int>(needs_.size()) - at;
        if (at >= 0 && back <= most) needs |= needs_[static_cast<size_t>(at)] << back | uint64_t{1} << back;
      };
      for (const Entry& e : node.inputs) add(e.node.get());
      needs_.push_back(needs);
    }
  }
  int window() const { return window_; }
  // Whether `second` comes so much later than `first` that they count as ordered.
  bool far(int first, int second) const {
    return rank_[static_cast<size_t>(second)] - rank_[static_cast<size_t>(first)] > window_;
  }
  // Whether `second`, which comes later in the graph or is the same, can only run when `first` is over.
  bool ordered(int first, int second) const {
    const int a = rank_[static_cast<size_t>(first)], b = rank_[static_cast<size_t>(second)];
    return a < 0 || b < 0 || a == b || b - a > window_ || (needs_[static_cast<size_t>(b)] >> (b - a) & 1) != 0;
  }

 private:
  const int window_;
  std::vector<int> rank_;        // by node, among those that count
  std::vector<uint64_t> needs_;  // by rank: bit k: the one k before it
};

}  // namespace mixnet

// A graph written anew, node by node in order, by a pass that keeps most nodes and replaces some.
//
// Variables and nodes whose inputs stay are the same objects; others are copied. Heads come out in the order of the old ones.
#pragma once
#include <vector>

#include "symbol/graph.h"

namespace mixnet {

class Rebuild {
 public:
  explicit Rebuild(const Graph& graph) : g_(graph), new_entries_(static_cast<size_t>(graph.num_entries())) {}

  // What has become of an old value; nothing before it was kept or replaced.
  const Entry& entry(const Entry& old) const { return new_entries_[static_cast<size_t>(g_.entry(old))]; }
  std::vector<Entry> inputs(int id) const;
  void keep(int id);
  void replace(int id, int output, Entry with) {
    new_entries_[static_cast<size_t>(g_.entry(id, output))] = std::move(with);
  }
  std::vector<Entry> heads() const;

 private:
  const Graph& g_;
  std::vector<Entry> new_entries_;  // by old entry
};

}  // namespace mixnet

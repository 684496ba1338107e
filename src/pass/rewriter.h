// Makes a graph of another one, node by node in order: what a pass keeps, what it puts in the place of what.
//
// Nodes whose inputs have not changed are shared by both graphs; the others are copied. The old graph does not change.
#pragma once
#include <vector>

#include "symbol/graph.h"

namespace mixnet {

class Rewriter {
 public:
  explicit Rewriter(const Graph& graph) : graph_(graph), now_(static_cast<size_t>(graph.num_entries())) {}

  // What stands for a value of the old graph; its node has been kept or replaced.
  const Entry& now(const Entry& old) const { return now_[static_cast<size_t>(graph_.entry(old))]; }
  // The inputs of an old node, in the new graph.
  std::vector<Entry> inputs(int id) const;
  // The same operator, on the inputs as they are now (or on these).
  NodePtr keep(int id) { return keep(id, inputs(id)); }
  NodePtr keep(int id, std::vector<Entry> inputs);
  // One output of an old node becomes another value.
  void replace(int id, int output, Entry entry);
  std::vector<Entry> heads() const;

 private:
  const Graph& graph_;
  std::vector<Entry> now_;  // by old entry
};

}  // namespace mixnet

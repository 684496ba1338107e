// Runs the nodes that the gradient pass has made of recorded ones.
#pragma once
#include <unordered_map>
#include <vector>

#include "autograd/tape_node.h"
#include "symbol/graph.h"

namespace mixnet::autograd {

struct GradientGraph {
  std::vector<Entry> heads;                        // gradients; all set
  std::vector<std::pair<Entry, Taped>> given;      // values of variables that were made for it
  std::unordered_map<const Node*, bool> training;  // of nodes made by rules: the mode to run in
  std::vector<std::pair<Entry, NDArray>> targets;  // heads to be computed in these arrays if that can be
};

// The heads' values. `tape`: the recorded graph, whose kept values are read. `record`: put down what is run. `release`: the values that the
// recorded nodes kept are given back on the way.
std::vector<Taped> evaluate(const GradientGraph& gradients, const Graph& tape, bool record, bool release);

}  // namespace mixnet::autograd

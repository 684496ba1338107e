// An order for the nodes of a graph on several devices in which no device waits while it has something to do.
//
// The run is simulated with the costs given: a device that is free takes, of its nodes whose inputs are there, the one that comes first in
// the graph's own order, in which what another device waits for is moved up behind what it needs; a copy is work of the device it copies to. Between two copies the nodes of a device stand together, so that a
// plan cut where the device changes has about as many pieces as copies. Forward nodes stay before the others, and nodes that touch a
// variable which the graph changes keep their order. A graph in which something is recomputed keeps its own order: there memory comes
// first. O(n log n).
#pragma once
#include <vector>

#include "symbol/graph.h"

namespace mixnet {

struct SideBySideInput {
  const Graph& graph;
  const std::vector<int>& spaces;     // by node: its device
  const std::vector<int64_t>& costs;  // by node
  int num_forward_heads = 0;
};

// Node numbers in the new order.
std::vector<int> side_by_side(const SideBySideInput& input);

}  // namespace mixnet

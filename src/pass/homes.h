// Which values are made where another value needs their bytes: the parts of a Concat in its result, what is only given another shape
// before it is an output in the output's array.
//
// Found from the last node to the first, so that a chain of joins, views and operators in place ends in one home. A node whose inputs
// all have their home in its output does not run. Values that the user can see, that a node changes, or that are needed twice in one
// result keep a place of their own, and what would have moved them is copied. Linear in the graph.
#pragma once
#include <limits>
#include <vector>

#include "pass/plan_memory.h"

namespace mixnet {

struct Home {
  static constexpr int never = std::numeric_limits<int>::max();
  int root = -1;      // the entry in whose bytes it lies; -1: it has a place of its own
  int64_t at = 0;     // where in them
  int until = never;  // the node that writes another value there
};

struct Homes {
  std::vector<Home> of;      // by entry; a root has none
  std::vector<bool> elided;  // by node
};

// `last_use`: by entry, the last node that reads it. Nodes that are `kept` join nothing.
Homes find_homes(const MemoryPlanInput& input, const std::vector<int>& last_use, const std::vector<bool>& kept);

}  // namespace mixnet

// Which nodes of a plan only say where bytes are, for the memory planner: views, inputs that lie in an output one after the other,
// and outputs that lie so in an input, in row-major values and in those that are kept in another layout. Linear in the graph.
#pragma once
#include <memory>
#include <vector>

#include "op/core/kernel.h"
#include "pass/plan_memory.h"
#include "symbol/graph.h"

namespace mixnet {

struct PiecesInput {
  const Graph& graph;
  const std::vector<Shape>& shapes;                     // by entry
  const std::vector<DType>& types;                      // by entry
  const std::vector<LayoutPtr>& layouts;                // by entry; null: row-major
  const std::vector<std::unique_ptr<Kernel>>& kernels;  // by node; null for what has no step
};

std::vector<Pieces> find_pieces(const PiecesInput& input);

}  // namespace mixnet

// Which values of a plan stay in the layouts that kernels like, instead of being converted to row-major and back between them.
//
// Kernels are prepared in order, each with the layouts in which its inputs may come. A value then stays in its producer's layout when
// every reader takes it so; pointwise operators pass on what all their inputs have. Where a reader does not, the value is row-major, and
// kernels that had counted on the offer are prepared again. Linear in the graph, a few rounds.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "op/core/kernel.h"
#include "symbol/graph.h"

namespace mixnet {

struct LayoutInput {
  const Graph* graph = nullptr;
  std::vector<bool> external;  // by entry: an array of the user, always row-major
  // Prepares the kernel of a node for inputs in these layouts (null: row-major).
  std::function<std::unique_ptr<Kernel>(int node, Span<const LayoutPtr> layouts)> prepare;
  bool keep = true;  // false: everything is row-major
};

struct LayoutChoice {
  std::vector<std::unique_ptr<Kernel>> kernels;  // by node; null for variables
  std::vector<LayoutPtr> kept;                   // by entry; null: row-major
};

LayoutChoice choose_layouts(const LayoutInput& input);

}  // namespace mixnet

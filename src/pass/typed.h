// A graph with the shape and dtype of every entry, which is what passes that run after inference read; and what is left of both
// when a pass has made other heads.
#pragma once
#include <vector>

#include "symbol/graph.h"

namespace mixnet {

struct Typed {
  Graph graph;
  std::vector<Shape> shapes;  // by entry
  std::vector<DType> types;   // by entry
  int num_forward_heads = 0;  // these make the forward part, everything else the backward part

  int64_t bytes(int entry) const;
};

// For heads that a pass has made of `before`: they stand in the same order for the same values, and variables are the same
// nodes. A few sweeps.
Typed retype(std::vector<Entry> heads, const Typed& before);

// By node: whether the forward heads need it.
std::vector<bool> forward_part(const Typed& typed);

// By entry: a variable that some node changes in place. Its value depends on when it is read.
std::vector<bool> changing_variables(const Graph& graph);

// Most bytes alive at once when variables and heads have arrays of their own. `workspace`: what kernels need, by node; empty: none
// needs any. Linear.
int64_t peak_bytes(const Typed& typed, std::vector<int64_t> workspace = {});

}  // namespace mixnet

// Makes chains of layers one operator that runs in strips of rows (op/core/strips.h), where their values are what takes most memory.
//
// A chain is made of convolutions (with their tails), poolings and pointwise operators, each the only reader of the one before. Of every
// chain those members are taken whose input and result together are larger than a threshold. A few dozen thresholds are
// tried; the largest is taken with which the graph stays below `bytes`, or, where none does, the one that needs least. Strips are as
// high as that allows. Kernels' workspaces are not known here and not counted.
#pragma once
#include <vector>

#include "pass/typed.h"

namespace mixnet {

// The heads of the new graph, in the order of the old ones; for prediction only.
std::vector<Entry> run_in_strips(const Typed& typed, int64_t bytes);

}  // namespace mixnet

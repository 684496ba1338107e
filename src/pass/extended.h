// Nodes that were made to run instead of others (OpSchema::extends) take their place everywhere: a loop whose gradient is wanted gives what
// its backward part needs as well. Linear.
#pragma once
#include <vector>

#include "symbol/graph.h"

namespace mixnet {

// The heads of the new graph in the order of the old ones.
std::vector<Entry> put_extended(const std::vector<Entry>& heads);

}  // namespace mixnet

// Common subexpressions: nodes of one operator with equal parameters and the same inputs become one node.
//
// Nodes that draw or change states stay, as do those that read a variable which the graph changes. A head that repeats another value
// becomes a copy of it, because every head has an array of its own. A node of the backward part gives way to one of
// the forward part only where backward reads that value anyway (or a user's array holds it), so that nothing is stored for it.
// Should the most bytes alive at once grow all the same, the graph stays as it is. Near-linear. Results do not change by a bit.
#pragma once
#include "pass/typed.h"

namespace mixnet {

// The heads of the new graph, in the order of the old ones.
std::vector<Entry> merge(const Typed& typed);

}  // namespace mixnet

// Joins pointwise operators that feed each other into one node (op/core/fused.h), so that values between them take neither memory
// nor time to write and read.
//
// A group runs where its last operator stood, which is sound when nobody outside has read one of its values before; shape and
// dtype are the same throughout, and forward and backward parts do not mix. Linear in the graph. Variables stay the same nodes, other
// nodes are copied where their inputs change. Results do not change by a bit.
#pragma once
#include <vector>

#include "pass/typed.h"

namespace mixnet {

struct GroupsOnGpu;

// The heads of the new graph, in the order of the old ones. `on_gpu`: groups only of what it takes.
std::vector<Entry> fuse(const Typed& typed, const GroupsOnGpu* on_gpu = nullptr);

}  // namespace mixnet

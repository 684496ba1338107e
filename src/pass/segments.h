// Cuts the forward part of a graph into segments for recomputation, at places where few bytes cross.
#pragma once
#include "pass/typed.h"

namespace mixnet {

// By node, its segment, not decreasing. `may`: nodes that may run again. `stored`: bytes by node that backward reads. A segment ends when its nodes that may run
// again have `bytes` stored, or before, in its second half, where the fewest bytes pass from such nodes to such nodes. Linear.
std::vector<int> segments(const Typed& typed, const std::vector<bool>& may, const std::vector<int64_t>& stored,
                          int64_t bytes);

}  // namespace mixnet

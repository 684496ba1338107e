// Recomputation, or gradient checkpointing (Chen, Xu, Zhang and Guestrin, 2016): some values of the forward part are not kept for
// backward but computed a second time there, right before their first reader.
//
// A recomputed node runs the same operator on the same inputs with the same random draw; what changes states or user's arrays never
// runs twice. The forward part is cut into segments where few bytes cross; a value that a recomputed node of another
// segment reads is kept, so at most one segment's values are alive again. Several numbers of segments are tried, and the graph with the
// fewest bytes alive at once is taken, the one that recomputes less where two are level. Each try is linear.
#pragma once
#include "pass/typed.h"

namespace mixnet {

enum class Recompute {
  forced,  // only nodes whose attribute force_mirroring is true
  cheap,   // whatever takes little time: all but convolutions, matrix products, recurrent layers and their like
  any,     // everything: memory grows with the square root of the depth, for about one forward more
};

// The heads of the new graph, in the order of the old ones. `fused`: fusion will run on it and is counted in.
std::vector<Entry> recompute(const Typed& typed, Recompute which, bool fused);

}  // namespace mixnet

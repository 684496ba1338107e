// Values of a prediction graph that depend on parameters only, marked so that the executor makes them when a parameter changes and not
// in every run (Node::derived).
//
// A convolution or full layer followed by BatchNorm alone becomes the layer with other weights: W s and (b - mean) s + beta with
// s = gamma / sqrt(variance + eps) per output channel (Ioffe and Szegedy, 2015, algorithm 2 step 11). Results differ by rounding only.
// A parameter cast for mixed precision is kept as it was cast. Nodes without inputs (zeros, arange, ...) and what depends on such alone are
// constants. Linear in the graph.
#pragma once
#include <vector>

#include "pass/typed.h"

namespace mixnet {

// The heads of the new graph, in the order of the old ones. `inputs`: variables that change from run to run; nothing is derived from those.
std::vector<Entry> fold(const Typed& typed, const std::vector<const Node*>& inputs);

// Marks constants, in training too.
std::vector<Entry> mark_constants(const Graph& graph);

}  // namespace mixnet

// The gradient of a subgraph as two subgraphs: one that also gives what backward needs, and one that makes gradients of it.
//
// Kept are the values that backward reads and that cannot be had otherwise: constants are made anew, inputs are read again.
// Throws Code::unsupported as `gradient` does. Linear in the graph.
#pragma once
#include "op/core/subgraph.h"
#include "symbol/node.h"

namespace mixnet {

SubgraphGradient body_gradient(const SubgraphGradientRequest& request);

}  // namespace mixnet

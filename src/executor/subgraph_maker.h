// Makes subgraphs ready to run: each becomes a plan of its own, optimised and laid out once, whose arena is workspace of the operator
// that carries it and is used again by every run.
#pragma once
#include "op/core/subgraph.h"

namespace mixnet {

const SubgraphMaker& subgraph_maker();

}  // namespace mixnet

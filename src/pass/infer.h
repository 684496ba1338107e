// Shapes and dtypes of every entry of a graph, from whatever is known of some of them.
//
// Rules run forward and backward over the nodes until nothing changes: cost is a few sweeps. What stays unknown is left
// unknown; contradictions throw Code::shape or Code::type naming the node.
#pragma once
#include <string>
#include <vector>

#include "symbol/graph.h"

namespace mixnet {

// `known` has one item per entry of the graph and is the start. `device`: where the graph is to run.
std::vector<Shape> infer_shapes(const Graph& graph, std::vector<Shape> known, DeviceId device = {});
std::vector<DType> infer_types(const Graph& graph, std::vector<DType> known);

// Inference in subgraphs, for the contexts of operators that carry them.
const SubgraphInference& subgraph_inference();

// The first variable or node whose shape (dtype) is not fully known, as a sentence for an error; empty when all is known.
std::string first_unknown_shape(const Graph& graph, const std::vector<Shape>& shapes);
std::string first_unknown_type(const Graph& graph, const std::vector<DType>& types);

}  // namespace mixnet

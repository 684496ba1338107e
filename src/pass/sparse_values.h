// Storage kinds of a bound graph: arrays from outside may be sparse, values inside are dense.
//
// A node whose operator has a sparse kernel for the kinds that it meets at the edge runs that. Elsewhere a sparse array is made dense once,
// for all its readers, and what is to go into a sparse array is made so at the end.
#pragma once
#include <unordered_map>
#include <vector>

#include "symbol/graph.h"

namespace mixnet {

// Of the variables that are not dense.
using StorageOf = std::unordered_map<const Node*, StorageKind>;

// The heads with conversions where they are needed; `kinds`: of the heads' arrays, in order.
std::vector<Entry> place_sparse(const std::vector<Entry>& heads, const std::vector<StorageKind>& kinds,
                                const StorageOf& variables);
// The kind in which a graph gives a head that nobody has an array for.
StorageKind natural_kind(const Entry& head, const StorageOf& variables);
// Throws Code::unsupported when a graph has a node whose output's shape is known only after it has run.
void check_shapes_known_before(const Graph& graph);

}  // namespace mixnet

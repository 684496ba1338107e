// Extends a graph by the nodes that compute gradients, from the operators' own rules.
//
// Reverse post-order; gradients of an entry used several times are summed by add_n. Linear in the graph.
#pragma once
#include <functional>
#include <vector>

#include "symbol/graph.h"

namespace mixnet {

// d(sum over heads of <head, head_grad>) / d(wrt). A null head_grad means the head's operator is a loss that ignores it.
// The result has one entry per `wrt`, null where the gradient is zero. Throws Code::unsupported when a needed operator
// has no gradient, with the reason it states. `made` hears of every node that is made: the forward node whose gradient it is part of (the variable, for
// the sum of its gradients) and the new one.
using GradientMade = std::function<void(const Node& forward, const Node& node)>;
std::vector<Entry> gradient(const std::vector<Entry>& heads, const std::vector<Entry>& head_grads,
                            const std::vector<Entry>& wrt, const GradientMade& made = nullptr);

}  // namespace mixnet

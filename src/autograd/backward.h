// Gradients of what was recorded.
//
// The gradient pass extends the recorded nodes by those of the operators' rules; these are run one by one, each in the mode of the operation that it is
// the gradient of. Values go as soon as their last reader has been started. Linear in the recorded graph.
#pragma once
#include <vector>

#include "autograd/tape_node.h"

namespace mixnet::autograd {

struct BackwardOptions {
  bool retain_graph = false;  // else what the nodes kept is given up
  bool create_graph = false;  // what is computed is recorded, and the graph retained
  bool training = true;       // the thread's mode while functions written by hand run
};

// Makes arrays variables whose gradients are wanted. An array that was recorded is cut off from what it was made of.
void mark(Taped& array, const NDArray& gradient, GradRequest request);

// d(sum over heads of <head, head_grad>) into the gradient arrays of all variables behind the heads. head_grads: empty, or one per head, where
// none() means ones; losses ignore theirs. Throws Code::invalid for heads that were not recorded.
void backward(Span<Taped* const> heads, const std::vector<Taped>& head_grads, const BackwardOptions& options);
// The gradients of these arrays instead, which may be variables or inner values, in new arrays. Throws Code::invalid when one is not behind the heads.
std::vector<Taped> grad(Span<Taped* const> heads, const std::vector<Taped>& head_grads, Span<Taped* const> variables,
                        const BackwardOptions& options);

}  // namespace mixnet::autograd

// A function whose gradient its author computes.
#pragma once
#include <functional>
#include <vector>

#include "autograd/tape_node.h"

namespace mixnet::autograd {

// Gets the gradients of the outputs, gives those of the inputs (none() for zero).
using FunctionBackward = std::function<std::vector<Taped>(std::vector<Taped> output_grads)>;

// Puts down that `outputs` were computed from `inputs` (while recording was off). Nothing happens where no input is tracked.
void record_function(Span<Taped* const> inputs, Span<Taped* const> outputs, FunctionBackward backward);

}  // namespace mixnet::autograd

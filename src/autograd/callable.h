// Operations on the tape whose gradient is a call and not a rule: functions with a backward written by hand, and replayed plans.
//
// The node of such an operation has the call as its parameters. The gradient pass makes a node of it that takes the gradients of all outputs and
// gives those of all inputs; whoever evaluates gradients calls `backward` for it.
#pragma once
#include <string>
#include <vector>

#include "autograd/tape_node.h"

namespace mixnet::autograd {

class Callable : public std::enable_shared_from_this<Callable> {
 public:
  virtual ~Callable() = default;
  virtual int num_inputs() const = 0;
  virtual int num_outputs() const = 0;
  // Gradients of the inputs; none() where there is none. Where the thread records, what it does is recorded.
  virtual std::vector<Taped> backward(std::vector<Taped> output_grads) = 0;
  // Whether these gradients are in arrays that nobody else has.
  virtual bool makes_fresh() const { return false; }
  // Backward will not be called again.
  virtual void release() = 0;
  // Why the gradient of its gradient cannot be had; empty: backward's own operations are recorded.
  virtual std::string no_second_order() const { return ""; }
};

// A node on the tape for a call that was made; null when nothing is tracked.
std::shared_ptr<TapeNode> record_call(std::shared_ptr<Callable> call, Span<const Taped* const> inputs,
                                      Span<const NDArray> outputs);

bool is_call(const Node& node);
bool is_call_backward(const Node& node);
Callable& call_of(const Node& node);

}  // namespace mixnet::autograd

// Graphs that the parameters of an operator carry: the body of a loop, the branches of a condition.
//
// An operator hands them on and knows no graph: what it needs of one is asked of objects that come with its contexts, implemented where
// graphs are known (inference and gradients in src/pass, running in src/executor).
#pragma once
#include <memory>
#include <vector>

#include "base/dtype.h"
#include "base/philox.h"
#include "base/shape.h"
#include "base/span.h"
#include "device/tensor_view.h"

namespace mixnet {

// Immutable. Inputs and outputs are numbered; what they are for is the operator's business.
class Subgraph {
 public:
  virtual ~Subgraph() = default;
  virtual int num_inputs() const = 0;
  virtual int num_outputs() const = 0;
  // Whether running it changes the input in place, and whether the input is a state rather than an argument.
  virtual bool mutates(int input) const = 0;
  virtual bool holds_state(int input) const = 0;
};
using SubgraphPtr = std::shared_ptr<const Subgraph>;

// Fills in what follows from what is known, in both directions; contradictions throw, naming the node.
class SubgraphInference {
 public:
  virtual ~SubgraphInference() = default;
  virtual void shapes(const Subgraph& graph, std::vector<Shape>& in, std::vector<Shape>& out, bool last) const = 0;
  virtual void types(const Subgraph& graph, std::vector<DType>& in, std::vector<DType>& out) const = 0;
};

// A subgraph made ready for shapes. Several threads may run it at once.
class SubgraphRunner {
 public:
  virtual ~SubgraphRunner() = default;
  virtual size_t workspace() const = 0;
  virtual bool foreign_threads() const = 0;
  // Addresses by input and output; an output that was not wanted is ignored. Outputs must not overlap inputs or each other.
  virtual void run(Span<void* const> in, Span<void* const> out, void* workspace, const PhiloxKey& random) const = 0;
};

class SubgraphMaker {
 public:
  virtual ~SubgraphMaker() = default;
  virtual std::unique_ptr<SubgraphRunner> make(const SubgraphPtr& graph, Span<const TensorView> in,
                                               Span<const TensorView> out, Span<const bool> wanted, DeviceId device,
                                               bool training) const = 0;
};

// What an input of a subgraph is to the operator whose gradient is wanted.
enum class SubgraphInput {
  given,  // its value can be had again in backward
  state,  // made by the run before: its value must be kept; where it has a gradient at all, zeros are made of none
  shared  // the same in every run: gradients are summed over the runs
};

struct SubgraphGradientRequest {
  SubgraphPtr graph;
  std::vector<SubgraphInput> inputs;
  std::vector<bool> wanted;  // by input; states through which a gradient flows need not be named
  std::vector<bool> given;   // by output: there is a gradient
  std::vector<int>
      feeds;  // by output: the state that it is in the next run, or -1; states are given as far as they are needed
  std::vector<int> order;  // all inputs in the order in which gradients are to come
};

struct SubgraphGradient {
  SubgraphPtr extended;  // the subgraph with the values that are kept as further outputs
  int kept = 0;          // how many these are
  SubgraphPtr backward;  // inputs: the output gradients that are given, the inputs in `reads`, kept values, sums so far
  std::vector<bool> given;  // by output of the subgraph: backward has an input for its gradient
  std::vector<int> reads;   // inputs of the subgraph
  std::vector<int>
      gradients;  // inputs of the subgraph whose gradients are the outputs; shared ones come as the new sums
};

}  // namespace mixnet

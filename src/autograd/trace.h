// Tracing: a function runs once on arrays without values, and what it does becomes a Symbol.
//
// Variables of the Symbol are the inputs ("data0", ...) and, as they are met, the arrays that the function found outside ("param0", ...):
// parameters, constants. Shapes and dtypes are inferred as usual, so mistakes are raised where they are made. One trace per thread at a
// time; everything on one thread.
#pragma once
#include <vector>

#include "autograd/tape_node.h"
#include "executor/invoke.h"
#include "symbol/symbol.h"

namespace mixnet::autograd {

class Trace {
 public:
  // Until end() or the destructor the thread's operations come here.
  explicit Trace(Span<Taped* const> inputs);
  ~Trace();
  Trace(const Trace&) = delete;

  // What stands for the inputs inside.
  std::vector<Taped> inputs();
  // The outputs as a Symbol; one that no operation made is copied.
  Symbol end(Span<Taped* const> outputs);
  // By number: what param0, param1, ... are. They share their place on the tape with the arrays that were met.
  const std::vector<Taped>& captured() const { return captured_; }

  void invoke(const OpSchema& op, const ParamsPtr& params, Span<Taped* const> inputs, Span<Taped* const> given,
              std::vector<Taped>& fresh, const InvokeOptions& options);
  void view(const OpSchema& op, const ParamsPtr& params, Taped& from, Taped& result);
  void copy(Taped& from, Taped& to);

 private:
  Entry entry_of(Taped& array);
  std::shared_ptr<TapeNode> add(const OpSchema& op, const ParamsPtr& params, Span<Taped* const> inputs,
                                const std::vector<NDArray>& outputs);
  std::shared_ptr<TapeNode> variable(const std::string& name, const NDArray& array);

  uint64_t number_;
  std::vector<Taped> inputs_;
  std::vector<Taped> captured_;
  std::vector<NodePtr> captured_nodes_;
  int made_ = 0;
};

// Cuts an array off from what it was made of.
void detach(Taped& array);
// Throws for arrays that were made in a trace: they have no value.
void check_escaped(const Taped& array);
// The recorded operations that led to arrays, with names. Throws Code::invalid for arrays that were not recorded.
Symbol recorded_symbol(Span<Taped* const> arrays);

}  // namespace mixnet::autograd

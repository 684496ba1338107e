// A symbol to be called on arrays again and again: planned once per shapes, dtypes, device, mode and wanted
// gradients.
//
// Outputs are fresh arrays. While the thread records, a call is one node on the tape whose backward is the backward part of the same plan; until then the call
// holds an arena of its own. A second backward (retain_graph) runs the forward part again, with the same draws.
#pragma once
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "autograd/replay_plan.h"
#include "autograd/tape_node.h"

namespace mixnet::autograd {

class CachedOp {
 public:
  // `parameters`: names of arguments that are the same arrays in most calls; others make another plan. States always are parameters.
  // Throws Code::invalid for names that the symbol does not have.
  CachedOp(Symbol symbol, const std::vector<std::string>& parameters);

  // Arguments, then states, in the symbol's order.
  std::vector<Taped> invoke(Span<Taped* const> inputs);
  const Symbol& symbol() const { return symbol_; }
  // The steps of the plan of the last call; empty before the first.
  std::string describe();
  int64_t num_plans();

 private:
  struct Variant {
    ReplayRequest request;
    std::shared_ptr<ReplayPlan> plan;
  };
  std::shared_ptr<ReplayPlan> find(Span<Taped* const> inputs, bool recording, bool training);
  bool fits(const Variant& variant, Span<Taped* const> inputs, const std::vector<bool>& wants, bool training) const;

  Symbol symbol_;
  size_t num_arguments_ = 0;
  std::vector<std::string> names_;
  std::vector<bool> bound_;
  std::mutex mutex_;
  std::list<Variant> variants_;  // the last used first
};

}  // namespace mixnet::autograd

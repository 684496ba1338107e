// A graph made ready to run on a device: steps in order with prepared kernels and places for every value.
//
// Made once by binding. Running resolves places to addresses when the arena has moved and launches the kernels. A plan is run by
// one engine task at a time; the engine sees to it, because every task of a plan writes the arena.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "executor/kept.h"
#include "ndarray/ndarray.h"
#include "op/core/kernel.h"
#include "pass/plan_memory.h"
#include "symbol/graph.h"

namespace mixnet {

struct PlanRequest {
  std::vector<Entry> heads;  // every head an entry of its own with an array
  std::vector<NDArray> head_arrays;
  std::vector<std::pair<const Node*, NDArray>> variables;  // all variables of the graph
  int num_forward_heads = 0;                               // heads of the forward part; the others belong to backward
  DeviceId device;
  bool training = false;
  bool gradients = false;           // outside of training too there is a backward part: nothing is folded or packed
  bool fuse = true;                 // false: a step for every node with plain values, for monitors
  std::vector<const Node*> inputs;  // variables whose arrays change without the engine knowing
  std::shared_ptr<KeptStore> kept;  // where plans on the same arrays share what they keep, or null
};

class Plan {
 public:
  struct Step {
    NodePtr node;
    std::unique_ptr<Kernel> kernel;
    std::vector<TensorView> in, out;
    std::vector<int64_t> in_place,
        out_place;                       // >= 0: arena offset; otherwise -1 - external index; `nothing`: no memory
    std::vector<int64_t> in_at, out_at;  // in an external array: where, in bytes
    int64_t workspace_place = 0;
    std::vector<int> sources;           // external arrays that its kept inputs depend on
    int first_kept = 0, last_kept = 0;  // its kept inputs
    uint64_t draw = 0;                  // which of the plan's random draws this is
  };
  static constexpr int64_t nothing = INT64_MIN;

  explicit Plan(PlanRequest request);

  int num_steps() const { return static_cast<int>(steps_.size()); }
  int num_forward_steps() const { return num_forward_steps_; }
  const Step& step(int i) const { return steps_[static_cast<size_t>(i)]; }
  int num_externals() const { return static_cast<int>(externals_.size()); }
  const NDArray& external(int i) const { return externals_[static_cast<size_t>(i)]; }
  uint64_t num_draws() const { return num_draws_; }
  int64_t arena_bytes() const { return memory_.arena_bytes; }
  const MemoryPlan& memory() const { return memory_; }
  // What the graph as it was given would take, before any pass, with a buffer for every operator's output that is used.
  int64_t naive_bytes() const { return naive_bytes_; }
  int64_t external_bytes() const;
  // Folded and converted parameters and constants, besides the arena.
  int64_t kept_bytes() const;

  // External arrays that steps [first, last) read and write, by index.
  void touched(int first, int last, std::vector<int>* reads, std::vector<int>* writes) const;
  // Runs steps [first, last) with the arena at `arena`. An error names the node. `externals`: other arrays than the bound ones, by index
  // and of the same shapes; what is kept between runs stays that of the bound ones.
  void run(int first, int last, char* arena, const PhiloxKey& random, Span<const NDArray> externals = {});
  std::string describe() const;

 private:
  void check_sizes() const;
  void infer(const PlanRequest& request);
  uint64_t draw_of(const NodePtr& node);
  void find_used(const PlanRequest& request);
  bool left_out(int id, int output) const;
  int64_t every_output() const;
  void place(const PlanRequest& request);
  std::unique_ptr<Kernel> prepare(int id, Span<const LayoutPtr> layouts, bool blocks) const;
  int64_t lay_out(const PlanRequest& request, MemoryPlanInput input, bool blocks);
  int64_t copied_joins(const std::vector<Pieces>& pieces) const;
  void make_steps(const PlanRequest& request);
  void keep_inputs(const PlanRequest& request);
  void refresh_kept(Step& step);
  bool derived(int entry) const { return derived_[static_cast<size_t>(entry)]; }
  void resolve(char* arena, int first, int last, Span<const NDArray> externals);
  TensorView outline(int entry) const;
  int64_t place_of(int entry) const;
  std::vector<bool> early_heads() const;
  int external_index(const NDArray& array) const;

  Graph graph_;
  DeviceId device_;
  bool training_;
  std::vector<Shape> shapes_;
  std::vector<DType> types_;
  std::vector<int> external_of_;  // by entry: index into externals_, or -1
  std::vector<NDArray> externals_;
  std::vector<bool> used_;     // by entry: somebody reads it, or it is a head
  std::vector<bool> derived_;  // by entry: kept between runs
  MemoryPlan memory_;
  int64_t naive_bytes_ = 0;
  std::vector<std::unique_ptr<Kernel>> kernels_;  // by node, until the steps take them
  // Inputs of steps that are kept between runs, in order of steps.
  struct Kept {
    int node = 0;
    KeptValue value;
  };
  std::vector<Kept> kept_;
  std::vector<Step> steps_;
  int num_forward_steps_ = 0;
  std::unordered_map<const Node*, uint64_t> draws_;  // by random node of the graph as it was asked for
  uint64_t num_draws_ = 0;
  char* resolved_for_ = nullptr;
  bool resolved_ = false;
};

}  // namespace mixnet

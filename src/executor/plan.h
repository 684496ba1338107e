// A graph made ready to run on a device: steps in order with prepared kernels and places for every value.
//
// Made once by binding. Running resolves places to addresses when the arena has moved and launches the kernels. Steps of one space (device) are
// run by one engine task at a time; the engine sees to it, because every such task writes the space's arena.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/function_ref.h"
#include "executor/kept.h"
#include "ndarray/ndarray.h"
#include "op/core/custom.h"
#include "op/core/kernel.h"
#include "pass/plan_memory.h"
#include "symbol/graph.h"
//[full
#include "executor/step_graphs.h"
//]

namespace mixnet {

struct PlanRequest {
  std::vector<Entry> heads;  // every head an entry of its own with an array
  std::vector<NDArray> head_arrays;
  std::vector<std::pair<const Node*, NDArray>> variables;  // all variables of the graph
  int num_forward_heads = 0;                               // heads of the forward part; the others belong to backward
  DeviceId device;
  bool placed = false;  // copies between devices have been inserted: each node is where its inputs are
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
    std::vector<int64_t> in_bytes, out_bytes;
    int64_t workspace_place = 0;        // in its space's arena
    int space = 0;                      // whose arena its outputs are in
    int from = -1;                      // of a copy between devices: whose arena its input is in, if it is in one
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
  // Spaces: the devices that have a part of the plan. 0 is the request's.
  int num_spaces() const { return static_cast<int>(devices_.size()); }
  DeviceId device(int space) const { return devices_[static_cast<size_t>(space)]; }
  // Where a place in an arena is.
  int space_of(int64_t place) const;
  const MemoryPlan::Space& arena(int space) const { return memory_.spaces[static_cast<size_t>(space)]; }
  // Of one space. Naive: what the graph as it was given would take, before any pass, with a buffer for every operator's output that is
  // used. Kept: folded and converted parameters and constants, besides the arena.
  int64_t naive_bytes(int space) const { return naive_bytes_[static_cast<size_t>(space)]; }
  int64_t external_bytes(int space) const;
  int64_t kept_bytes(int space = 0) const;
  // The end of the stretch from step `first` on that one task may run: on one device, or all copies from one device to another, or one
  // step of the program's own code.
  int stretch_end(int first, int last) const;

  //[full
  // Whether a step of [first, last) follows all those before it, by step, where on a GPU they may be side by side; empty elsewhere.
  std::vector<bool> joints(int first, int last) const;
  //]

  // External arrays that steps [first, last) read and write, by index.
  void touched(int first, int last, std::vector<int>* reads, std::vector<int>* writes) const;
  // Runs steps [first, last), a stretch, with the arena at `arena`; copies between devices have their inputs in the one at `from`. An error names the node. `externals`: other arrays than the bound ones, by index
  // and of the same shapes; what is kept between runs stays that of the bound ones.
  // `operators`: what keeps the program's own operators from run to run.
  void run(int first, int last, char* arena, const PhiloxKey& random, Span<const NDArray> externals = {},
           char* from = nullptr, OperatorStates* operators = nullptr);
  // Runs all steps of a plan in one space on memory that is given by address, by external array.
  void run_at(char* arena, const PhiloxKey& random, Span<void* const> addresses);
  // Whether a stretch runs code of the program's own, which belongs on the engine's callback threads.
  bool foreign(int first) const { return runs_foreign_code(*step(first).node->op); }
  bool any_foreign() const;
  std::string describe() const;

 private:
  void check_sizes() const;
  void infer(const PlanRequest& request);
  uint64_t draw_of(const NodePtr& node);
  void find_used(const PlanRequest& request);
  bool left_out(int id, int output) const;
  std::vector<int64_t> every_output() const;
  void find_spaces(const PlanRequest& request);
  bool may_overlap() const;
  void run_side_by_side(const PlanRequest& request);
  int space(int id) const { return spaces_.empty() ? 0 : spaces_[static_cast<size_t>(id)]; }
  int new_space(DeviceId device);
  void place(const PlanRequest& request);
  std::unique_ptr<Kernel> prepare(int id, Span<const LayoutPtr> layouts, bool blocks) const;
  int64_t lay_out(const PlanRequest& request, MemoryPlanInput input, bool blocks);
  int64_t copied_joins(const std::vector<Pieces>& pieces) const;
  void make_steps(const PlanRequest& request);
  void keep_inputs(const PlanRequest& request);
  void refresh_kept(Step& step);
  bool derived(int entry) const { return derived_[static_cast<size_t>(entry)]; }
  using ViewOf = FunctionRef<TensorView(int)>;
  void resolve(char* arena, char* from, int first, int last, ViewOf external);
  // What a launch of steps is given besides.
  struct Run {
    char* arena;
    const PhiloxKey& random;
    Span<const NDArray> externals;
  };
  void launch(int first, int last, const Run& run);
  void launch_step(const Step& step, Stream* stream, const Run& run) const;
  //[full
  bool branches() const;
  bool repeatable(const Step& step) const;
  bool launch_graphs(int first, int last, const Run& run);
  std::vector<Touched> touched_by(const Step& step, FunctionRef<const char*(int64_t place, int64_t at)> address) const;
  //]
  TensorView outline(int entry) const;
  int64_t place_of(int entry) const;
  std::vector<bool> early_heads() const;
  int external_index(const NDArray& array) const;

  Graph graph_;
  DeviceId device_;
  bool training_;
  std::vector<DeviceId> devices_;  // by space
  std::vector<int> spaces_;        // by node; empty: all in space 0
  std::vector<int> entry_spaces_;  // by entry; empty likewise
  std::vector<Shape> shapes_;
  std::vector<DType> types_;
  std::vector<int> external_of_;  // by entry: index into externals_, or -1
  std::vector<NDArray> externals_;
  std::vector<bool> used_;     // by entry: somebody reads it, or it is a head
  std::vector<bool> derived_;  // by entry: kept between runs
  MemoryPlan memory_;
  std::vector<int64_t> naive_bytes_;              // by space
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
  //[full
  StepGraphs graphs_;
  //]
};

}  // namespace mixnet

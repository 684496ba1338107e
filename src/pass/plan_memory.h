// Places every intermediate value of a graph in one arena, so that values that never live together share bytes.
//
// The graph runs serially in node order. A value lives from the step that computes it to the last step that reads its
// bytes. Two rules reuse memory: in place (an operator's output takes over a dying input's memory, where its schema
// allows) and sharing (offsets of dead values are given out again). An operator whose output is its input with another
// shape (`same_bytes`) becomes a view and is not run at all.
//
// Offsets are tried greedily by time, by size, and then with whatever lay highest placed first, until the lower bound is met or
// some tens of orders are through; the smallest arena is taken. Cost is near-linear: each placement looks at the values alive at
// the same time.
#pragma once
#include <cstdint>
#include <vector>

#include "symbol/graph.h"

namespace mixnet {

struct MemoryPlanInput {
  const Graph* graph = nullptr;
  std::vector<int64_t> bytes;      // by entry
  std::vector<bool> external;      // by entry: lives in an array of the user (variables, outputs, gradients)
  std::vector<int64_t> workspace;  // by node
  bool reuse = true;               // false: no offset is given out twice
  bool inplace = true;             // false: no value takes over an input's bytes, views neither
};

struct MemoryPlan {
  static constexpr int64_t nowhere = -1;
  std::vector<int64_t> offset;            // by entry; nowhere for external entries and views of them
  std::vector<int> same_as;               // by entry: the entry whose bytes it has; itself when it has its own
  std::vector<bool> elided;               // by node: a view, nothing to run
  std::vector<int64_t> workspace_offset;  // by node
  int64_t arena_bytes = 0;
  int64_t lower_bound = 0;  // most bytes alive at once
};

MemoryPlan plan_memory(const MemoryPlanInput& input);
// The plan's lower bound alone; linear.
int64_t most_alive(const MemoryPlanInput& input);

// Replays the plan step by step with tags instead of values. Throws Code::internal when a step would read bytes that another
// value has overwritten, or when two live values overlap without being declared the same.
void verify_memory_plan(const MemoryPlanInput& input, const MemoryPlan& plan);

}  // namespace mixnet

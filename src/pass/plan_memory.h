// Places every intermediate value of a graph in one arena, so that values that never live together share bytes.
//
// The graph runs serially in node order. A value lives from the step that computes it to the last step that reads its
// bytes. Two rules reuse memory: in place (an operator's output takes over a dying input's memory, where its schema
// allows) and sharing (offsets of dead values are given out again). An operator whose output is its input with another
// shape (`same_bytes`), or a piece of it, becomes a view and is not run at all. Nor is one that puts inputs together which can be
// made in its output at once (pass/homes.h); where that would take a larger arena, they are put together by copying.
//
// Where steps may run side by side, memory of one is not given to another one near it that need not follow it, as long as that costs little:
// the more such neighbours, the more memory, so that fewer and fewer are looked at until the arena is not more than a tenth (or 4 MiB) larger than without.
//
// Offsets are tried greedily by time, by size, and then with whatever lay highest placed first, until the lower bound is met or
// some tens of orders are through; the smallest arena is taken. With several spaces (devices) each has an arena of its own, planned alone; their
// offsets are one numbering, in which each space has a stretch. Cost is near-linear: each placement looks at the values alive at
// the same time.
#pragma once
#include <cstdint>
#include <vector>

#include "symbol/graph.h"

namespace mixnet {

// How a node only says where bytes are: its inputs are pieces of output 0 (join), its outputs pieces of input `first` (cut), or
// output 0 has the bytes of that input (view).
struct Pieces {
  enum Kind { none, join, cut, view } kind = none;
  std::vector<int64_t> at;  // where in the whole each piece lies: input first + i, output i
  int first = 0;
};

struct MemoryPlanInput {
  const Graph* graph = nullptr;
  std::vector<int64_t> bytes;      // by entry
  std::vector<bool> external;      // by entry: lives in an array of the user (variables, outputs, gradients)
  std::vector<int64_t> workspace;  // by node
  std::vector<Pieces> pieces;      // by node; empty: only the schemas' views are known
  std::vector<int> spaces;         // by node: whose arena its outputs and its workspace lie in; empty: there is one
  std::vector<bool> early;         // by entry, with pieces: an external array of which nobody minds when it is written
  bool side_by_side = false;       // steps that do not need each other may run at the same time
  bool reuse = true;               // false: no offset is given out twice
  bool inplace = true;             // false: no value takes over another's bytes, views neither
};

struct MemoryPlan {
  static constexpr int64_t nowhere = -1;
  // The arena of a space: offsets from `begin` on.
  struct Space {
    int64_t begin = 0, bytes = 0;
    int64_t lower_bound = 0;
  };
  std::vector<int64_t> offset;            // by entry; nowhere for external entries and what lies in them
  std::vector<int64_t> bytes;             // by entry: what was planned for
  std::vector<int> same_as;               // by entry: the entry in whose bytes it lies; itself when it has its own
  std::vector<int64_t> within;            // by entry: where in them
  std::vector<bool> elided;               // by node: nothing to run
  std::vector<int64_t> workspace_offset;  // by node
  std::vector<Space> spaces;              // at least one
  int64_t arena_bytes = 0;                // of all spaces
  int64_t lower_bound = 0;                // most bytes alive at once, of each space, summed
};

MemoryPlan plan_memory(const MemoryPlanInput& input);
// The plan's lower bound alone; linear.
int64_t most_alive(const MemoryPlanInput& input);

// Replays the plan step by step with tags instead of values. Throws Code::internal when a step would read bytes that another
// value has overwritten, or when two live values overlap without being declared the same.
void verify_memory_plan(const MemoryPlanInput& input, const MemoryPlan& plan);

}  // namespace mixnet

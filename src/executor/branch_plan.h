// On which of several streams the steps of a graph are put, and which of them wait for which.
//
// What must follow what is decided by the bytes that steps read and write, whoever shares memory with whom and why: a step follows those that last wrote what it reads or writes, and
// those that have read what it writes. It waits only for what its stream does not know to be over by then.
//
// A step goes where it can begin first, by what is known: the bytes that steps touch. One that leaves the streams of all the steps that it
// follows pays for it, so that short branches stay where they are, and a chain is a chain. Steps times the logarithm of their ranges.
#pragma once
#include <cstdint>
#include <vector>

namespace mixnet {

// Bytes that a step reads or writes. Who does not know them says `everything`.
struct Touched {
  const char* begin;
  int64_t bytes;
  bool written;

  static Touched everything() { return {nullptr, INT64_MAX, true}; }
};

struct BranchPlan {
  struct Step {
    int branch = 0;
    std::vector<int> after;   // steps before it, in other branches, that it is told to wait for
    bool waited_for = false;  // by a step of another branch
    bool joint = true;        // it follows all steps before it
  };
  std::vector<Step> steps;
  int branches = 1;  // that have steps
  // Steps of the longest chain in which each follows the one before: as they were put, and as their bytes alone would have it.
  int longest = 0, needed = 0;
};

// `branches`: at most so many.
BranchPlan plan_branches(const std::vector<std::vector<Touched>>& steps, int branches);

}  // namespace mixnet

// Stretches of a plan's steps on a GPU as graphs (device/stream_graph.h): one call of the host in place of one or more per step.
//
// A graph repeats kernels with the addresses and numbers that they had when it was captured. So it is made only of steps that depend on nothing else, as the plan says,
// and launched only while every address is the one it was captured with. Steps run one by one the first time that they are seen with some addresses, are
// captured the second time and launched from then on. A step that does what cannot be captured (waits, copies to the host) is found out
// when it tries, and runs by itself ever after. Arrays that change too often for captures to pay end in ordinary launches.
//
// Steps that do not wait for each other become branches of the graph (branch_plan.h).
//
// A range of steps is run by one thread at a time, different ranges by several. MIXNET_GPU_GRAPHS=0: never; MIXNET_GPU_BRANCHES=1: no branches.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/function_ref.h"
#include "device/stream_device.h"
#include "executor/branch_plan.h"

namespace mixnet {

// Of all plans of this process so far; the profiler has them as counters.
struct GraphCounts {
  int64_t captured = 0;
  int64_t recaptured = 0;  // of those: because addresses had changed
  int64_t launched = 0;
  int64_t refused = 0;   // captures that a step did not bear
  int64_t given_up = 0;  // stretches whose captures did not pay
  int64_t branched = 0;  // of those captured: with branches
  int64_t steps = 0;     // of those captured
  int64_t longest = 0;   // of those steps, in the longest chains
};
GraphCounts graph_counts();

class StepGraphs {
 public:
  using Addresses = std::vector<const void*>;

  // What a plan says of its steps in one run.
  struct Steps {
    FunctionRef<bool(int)> repeatable;               // does the same in every run, given the same addresses
    FunctionRef<bool(int)> many;                     // is many kernels
    FunctionRef<void(int)> refresh;                  // makes what the step keeps between runs
    FunctionRef<void(int, Addresses*)> addresses;    // adds all that the step is given
    FunctionRef<std::vector<Touched>(int)> touched;  // all bytes that it reads and writes
    FunctionRef<void(int, Stream&)> launch;
  };

  StepGraphs();
  // Of a graph on this stream, at most.
  int branches(const Stream* stream) const { return serve(stream) ? branches_ : 1; }
  // Whether graphs are for this stream; false where every kernel is to be waited for.
  bool serve(const Stream* stream) const { return wanted_ && stream && !stream->in_step(); }
  void run(int first, int last, StreamDevice& device, const Steps& steps);

 private:
  // Addresses that steps were run with, and their graph, if they have been captured with these.
  struct Sight {
    Addresses addresses;
    std::unique_ptr<StreamGraph> graph;
  };
  struct Part {
    int first, last;
    bool captures;            // false: its steps are launched one by one
    std::vector<Sight> seen;  // last used first
    int64_t captured = 0, launched = 0;
  };
  using Parts = std::vector<Part>;

  static Parts cut(int first, int last, FunctionRef<bool(int)> repeatable, FunctionRef<bool(int)> many);
  Parts& parts_of(int first, int last, const Steps& steps);
  static bool recall(Part& part, Addresses&& addresses);
  int run_part(Part& part, StreamDevice& device, const Steps& steps) const;
  std::unique_ptr<StreamGraph> capture(const Part& part, StreamDevice& device, const Steps& steps, int* step) const;

  const bool wanted_;
  const int branches_;
  std::mutex mutex_;                            // guards the map, not its values
  std::map<std::pair<int, int>, Parts> parts_;  // by range of steps
};

}  // namespace mixnet

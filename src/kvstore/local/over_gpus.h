// Sums and copies of a key over several GPUs by collectives (device/collectives.h), as operations of the engine that end when all arrays are there.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "device/collectives.h"
#include "ndarray/ndarray.h"

namespace mixnet {

// The group of the GPUs where these arrays are: at least two, each on another one, of a dtype that travels. Null: not such arrays, or no library for them.
std::shared_ptr<Collectives> group_of(Span<const NDArray> arrays);

// What such an operation says of itself, and when it runs.
struct OverGpus {
  std::shared_ptr<Collectives> group;
  std::string what;
  int priority;
};
// targets[i], where values[i] is, becomes the sum of all values; `others`: what else the operation overwrites.
void push_all_reduce(const OverGpus& how, Span<const NDArray> values, Span<const NDArray> targets,
                     Span<Variable* const> others);
// `target`, which is where one of the values is, becomes their sum.
void push_reduce(const OverGpus& how, Span<const NDArray> values, const NDArray& target);
// All outputs, one of which is where `value` is, become that; `reads`: what else the operation reads.
void push_broadcast(const OverGpus& how, const NDArray& value, Span<const NDArray> outputs,
                    Span<Variable* const> reads);

}  // namespace mixnet

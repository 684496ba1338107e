// One operator on arrays, at once: infer, allocate outputs, hand the kernel to the engine.
//
// An operator's sparse kernel runs where its rule takes the arrays' kinds; otherwise sparse inputs are made dense, and results sparse where
// the given outputs are (the profiler counts these as "storage fallbacks").
// Returns before the work is done. Shapes and dtypes are checked before it returns. Small work on idle arrays runs on
// the calling thread. Outputs that overlap inputs in a way the kernel cannot bear go through a temporary.
#pragma once
#include <vector>

#include "ndarray/ndarray.h"
#include "op/core/registry.h"

namespace mixnet {

struct InvokeOptions {
  bool training = false;
  DeviceId device;  // for operators without inputs
  int32_t priority = 0;
  // By output: whether somebody uses it; empty means all. What the operator may leave out is not computed then.
  Span<const bool> wanted;
};

// `outputs` empty: fresh arrays are appended, all outputs of the operator, hidden ones too. Otherwise one array per
// visible output, written in place; hidden outputs are discarded. Or one per output of any kind, where none() is replaced by a fresh array.
void invoke(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs, std::vector<NDArray>& outputs,
            const InvokeOptions& options = {});
// All outputs, as `invoke` would make them, without running anything: their values are undefined. `given`: checked as `invoke` would
// and returned among them.
std::vector<NDArray> infer_outputs(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs,
                                   DeviceId device, Span<const NDArray> given = {});

// As mixnet::copy, between arrays of any storage kinds.
void convert(const NDArray& from, const NDArray& to, int32_t priority = 0);

// Seed of all random draws; also restarts their count.
void seed_random(uint64_t seed);
// A key per call, in program order. `count` draws are set aside.
PhiloxKey next_random(uint64_t count = 1);

}  // namespace mixnet

// Ranges of quantised tensors on a GPU, which the host does not see: pairs (low, high) in the workspace of a kernel.
#pragma once
#include "op/core/gpu/on_gpu.h"
#include "op/core/quantized.h"

namespace mixnet::gpu {

struct SetPair {
  float *at, first, second;
  MIXNET_ON_DEVICE void operator()(int64_t) const {
    at[0] = first;
    at[1] = second;
  }
};

// The smallest and the largest f(i) for i below n; (0, 0) of nothing.
template <class F>
struct Extremes {
  F f;
  int64_t n;
  float* range;
  template <class Group>
  MIXNET_ON_DEVICE void operator()(int64_t, const Group& group) const {
    float low = n > 0 ? f(0) : 0.f, high = low;
    for (int64_t i = group.rank(); i < n; i += group.size()) {
      const float v = f(i);
      low = Least()(low, v);
      high = Greatest()(high, v);
    }
    low = group.reduce(low, Least());
    high = group.reduce(high, Greatest());
    if (group.rank() > 0) return;
    range[0] = low;
    range[1] = high;
  }
};

// Element i.
template <class T>
struct Element {
  const T* x;
  MIXNET_ON_DEVICE float operator()(int64_t i) const { return static_cast<float>(x[i]); }
};

// The calibrated range where there is one, else that of f; the range is put where the workspace is.
template <class F>
const float* find_range(const RunContext& r, const quantized::Calibrated& p, int64_t n, F f) {
  float* range = static_cast<float*>(r.context.workspace);
  if (p.known()) map(*r.context.stream, 1, SetPair{range, static_cast<float>(*p.low), static_cast<float>(*p.high)});
  else for_each_row(*r.context.stream, 1, n, Extremes<F>{f, n, range});
  return range;
}
inline size_t pair_of_floats(const PrepareContext&) { return 2 * sizeof(float); }

// What a result of dtype t reports for a range: outputs 1 and 2, which may not be wanted.
struct Report {
  const float* range;
  float *min, *max;
  DType t;
  MIXNET_ON_DEVICE void operator()(int64_t) const {
    const float r = quantized::reach(range[0], range[1]);
    if (min) *min = t == DType::u8 ? range[0] : -r;
    if (max) *max = t == DType::u8 ? range[1] : r;
  }
};
inline void report(const RunContext& r, const float* range) {
  map(*r.context.stream, 1, Report{range, r.out[1].as<float>(), r.out[2].as<float>(), r.out[0].dtype});
}
inline void copy_range(const RunContext& r, size_t min, size_t max) {
  for (size_t o : {size_t{1}, size_t{2}})
    if (r.out[o].data) OnGpu::copy(r, r.in[o == 1 ? min : max], r.out[o]);
}

}  // namespace mixnet::gpu

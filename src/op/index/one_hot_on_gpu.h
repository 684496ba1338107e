// One value at an index and another elsewhere, on GPUs: what one_hot and its old form share.
#pragma once
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/split.h"
#include "op/core/gpu/words.h"
#include "op/index/indices.h"

namespace mixnet::op {

template <class W>
struct OneHot {
  Indices index;
  gpu::Split depth;
  W on, off;
  W* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t line = depth.number(i);
    out[i] = index[line] == i - line * depth.length() ? on : off;
  }
};

// Output 0, (..., depth), from input 0, (...).
inline void one_hot_on_gpu(const RunContext& r, int64_t depth, double on, double off) {
  dispatch_all(r.out[0].dtype, "one_hot", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using W = gpu::word_t<T>;
    const int64_t n = r.out[0].size();
    gpu::map(
        *r.context.stream, n,
        OneHot<W>{Indices(r.in[0]), gpu::Split(depth, n), gpu::word_of<T>(on), gpu::word_of<T>(off), r.out[0].as<W>()});
  });
}

}  // namespace mixnet::op

// One value at an index and another elsewhere, on GPUs: what one_hot and its old form share.
#pragma once
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/words.h"
#include "op/index/indices.h"

namespace mixnet::op {

template <class W>
struct OneHot {
  Indices index;
  int64_t depth;
  W on, off;
  W* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t line = i / depth;
    out[i] = index[line] == i - line * depth ? on : off;
  }
};

// Output 0, (..., depth), from input 0, (...).
inline void one_hot_on_gpu(const RunContext& r, int64_t depth, double on, double off) {
  dispatch_all(r.out[0].dtype, "one_hot", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using W = gpu::word_t<T>;
    gpu::map(*r.context.stream, r.out[0].size(),
             OneHot<W>{Indices(r.in[0]), depth, gpu::word_of<T>(on), gpu::word_of<T>(off), r.out[0].as<W>()});
  });
}

}  // namespace mixnet::op

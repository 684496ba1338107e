// Bodies that are written once (op/core/on_host.h), on a GPU.
#pragma once
#include "op/core/gpu/launch.h"
#include "op/core/gpu/merges.h"
#include "op/core/on_host.h"

namespace mixnet {

struct OnGpu {
  template <class F>
  static void each(const RunContext& r, int64_t n, int64_t, const F& f) {
    gpu::map(*r.context.stream, n, f);
  }
  static void zero(const RunContext& r, const TensorView& v) {
    if (v.data && v.bytes() > 0) r.context.stream->fill_zero(v.data, static_cast<size_t>(v.bytes()));
  }
  static void copy(const RunContext& r, const TensorView& from, const TensorView& to) {
    if (to.bytes() > 0 && to.data != from.data)
      r.context.stream->copy(to.data, from.data, static_cast<size_t>(to.bytes()));
  }
};

}  // namespace mixnet

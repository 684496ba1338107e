// Where a body that is written once runs. A body is a template over the place, and what it does to elements are objects of pointers and
// numbers:
//
//   template <class Place> void forward(const Params& p, const RunContext& r) { Place::each(r, n, 1024, Scale<float>{x, y, p.by}); }
//
// The operator's .cc registers forward<OnHost>, its .cu forward<OnGpu> (op/core/gpu/on_gpu.h).
#pragma once
#include "base/on_device.h"
#include "base/thread_pool.h"
#include "op/core/kernel.h"
#include "op/core/set_zero.h"

namespace mixnet {

struct OnHost {
  // f(i) for i in [0, n), in any order; at least `grain` of them on a thread.
  template <class F>
  static void each(const RunContext&, int64_t n, int64_t grain, const F& f) {
    parallel_for(n, grain, [f](int64_t first, int64_t last) {
      const F mine = f;
      for (int64_t i = first; i < last; ++i) mine(i);
    });
  }
  static void zero(const RunContext&, const TensorView& v) { set_zero(v); }
  // Of as many bytes; nothing where both are one.
  static void copy(const RunContext&, const TensorView& from, const TensorView& to) {
    if (to.bytes() > 0 && to.data != from.data) std::memcpy(to.data, from.data, static_cast<size_t>(to.bytes()));
  }
};

// Four extents that go along to any device.
struct FourExtents {
  int64_t of[4];
  explicit FourExtents(const Shape& s) : of{s[0], s[1], s[2], s[3]} {}
  MIXNET_ON_DEVICE int64_t operator[](int i) const { return of[i]; }
};

}  // namespace mixnet

// _contrib_arange_like, for any place.
#pragma once
#include <optional>
#include <string>

#include "base/dtype.h"
#include "op/core/on_host.h"

namespace mixnet::op::arange_like {

struct Params {
  double start = 0, step = 1;
  int64_t repeat = 1;
  std::string ctx;
  std::optional<int64_t> axis;
};

template <class T>
struct Number {
  T* y;
  double start, step;
  int64_t repeat;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    y[i] = static_cast<T>(static_cast<accumulator_t<T>>(start + static_cast<double>(i / repeat) * step));
  }
};

template <class Place>
void forward(const Params& p, const RunContext& r) {
  dispatch_all(r.out[0].dtype, "arange_like", [&](auto tag) {
    using T = typename decltype(tag)::type;
    Place::each(r, r.out[0].size(), 16384, Number<T>{r.out[0].as<T>(), p.start, p.step, p.repeat});
  });
}

}  // namespace mixnet::op::arange_like

// Parameters of transpose and SwapAxis, and the order of axes they mean, shared with their device siblings.
#pragma once
#include <utility>

#include "op/core/builder.h"

namespace mixnet::op::transpose {

struct Params {
  Shape axes;
};
struct SwapParams {
  int64_t dim1 = 0, dim2 = 0;
};

inline Shape order_of(const Params& p, int ndim) {
  Shape order = p.axes;
  if (order.ndim() == 0)
    for (int i = ndim - 1; i >= 0; --i) order.push_back(i);
  MIXNET_CHECK(order.ndim() == ndim, invalid, "[transpose] axes: expected ", ndim, " numbers, got ", p.axes);
  uint32_t seen = 0;
  for (int i = 0; i < ndim; ++i) {
    order[i] = normalize_axis(order[i], ndim, "transpose");
    seen |= 1u << order[i];
  }
  MIXNET_CHECK(seen == (1u << ndim) - 1, invalid, "[transpose] axes: expected every axis once, got ", p.axes);
  return order;
}
inline Shape order_of(const SwapParams& p, int ndim) {
  Shape order;
  for (int i = 0; i < ndim; ++i) order.push_back(i);
  std::swap(order[normalize_axis(p.dim1, ndim, "SwapAxis")], order[normalize_axis(p.dim2, ndim, "SwapAxis")]);
  return order;
}

}  // namespace mixnet::op::transpose

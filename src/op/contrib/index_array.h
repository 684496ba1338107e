// _contrib_index_array, for any place.
#pragma once
#include <optional>
#include <vector>

#include "base/shape.h"
#include "op/core/on_host.h"

namespace mixnet::op::index_array {

struct Params {
  std::optional<Shape> axes;
  // The axes whose indices are given.
  std::vector<int> chosen(int ndim, const char* place) const {
    std::vector<int> list;
    for (int i = 0; !axes && i < ndim; ++i) list.push_back(i);
    if (axes)
      for (int64_t a : *axes) list.push_back(normalize_axis(a, ndim, place));
    return list;
  }
};

// One of the axes whose indices are given.
struct AxisIndex {
  int64_t* y;
  int64_t inner, extent, width, at;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { y[i * width + at] = i / inner % extent; }
};

template <class Place>
void forward(const Params& p, const RunContext& r) {
  const Shape& s = r.in[0].shape;
  const std::vector<int> axes = p.chosen(s.ndim(), "index_array");
  const int64_t width = static_cast<int64_t>(axes.size());
  for (int64_t k = 0; k < width; ++k) {
    const int axis = axes[static_cast<size_t>(k)];
    Place::each(r, s.size(), 16384, AxisIndex{r.out[0].as<int64_t>(), s.size(axis + 1, s.ndim()), s[axis], width, k});
  }
}

}  // namespace mixnet::op::index_array

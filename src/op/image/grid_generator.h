// The forward of GridGenerator, for any place.
#pragma once
#include "op/image/sampling.h"

namespace mixnet::op::grid_generator {

enum class Kind { affine, warp };
struct Params {
  Kind kind = Kind::affine;
  Shape target_shape{0, 0};
};

// Pixels per unit of the grid.
inline double half_extent(int64_t extent) { return static_cast<double>(std::max<int64_t>(1, extent - 1)) / 2; }

template <class T>
struct Warp {
  const T* flow;
  T* grid;
  int64_t height, width;
  T unit_y, unit_x;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t p = e % (height * width);
    const bool is_y = e / (height * width) % 2 == 1;
    grid[e] = (flow[e] + static_cast<T>(is_y ? p / width : p % width)) / (is_y ? unit_y : unit_x) - 1;
  }
};

template <class Place>
void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "GridGenerator", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& o = r.out[0].shape;
    const T* x = r.in[0].as<T>();
    T* grid = r.out[0].as<T>();
    if (p.kind == Kind::affine) return affine_grid<Place>(r, x, o[0], o[2], o[3], grid);
    const Warp<T> warp{x, grid, o[2], o[3], static_cast<T>(half_extent(o[2])), static_cast<T>(half_extent(o[3]))};
    Place::each(r, r.out[0].size(), 8192, warp);
  });
}

}  // namespace mixnet::op::grid_generator

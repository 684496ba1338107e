// GridGenerator on GPUs; see grid_generator.cc.
#include "op/image/grid_generator.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::grid_generator {
namespace {

// Each row of theta meets (x, y, 1) at every point.
template <class T>
struct ThetaGradient {
  const T* dy;
  T* dtheta;
  int64_t height, width;
  template <class Group>
  MIXNET_ON_DEVICE void operator()(int64_t n, const Group& group) const {
    double sum[3] = {0, 0, 0};
    for (int64_t p = group.rank(); p < height * width; p += group.size()) {
      const double g = static_cast<double>(dy[n * height * width + p]);
      sum[0] += g * grid_point(p % width, width);
      sum[1] += g * grid_point(p / width, height);
      sum[2] += g;
    }
    for (int k = 0; k < 3; ++k) {
      const double all = group.reduce(sum[k], gpu::Plus());
      if (group.rank() == 0) dtheta[n * 3 + k] = static_cast<T>(all);
    }
  }
};

template <class T>
struct FlowGradient {
  const T* dy;
  T* dx;
  int64_t area;
  T unit_y, unit_x;
  MIXNET_ON_DEVICE void operator()(int64_t e) const { dx[e] = dy[e] / (e / area % 2 == 1 ? unit_y : unit_x); }
};

void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "GridGenerator", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const T* dy = r.in[0].as<T>();
    T* dx = r.out[0].as<T>();
    const int64_t area = s[2] * s[3];
    if (p.kind == Kind::affine)
      return gpu::for_each_row(*r.context.stream, s[0] * 2, area, ThetaGradient<T>{dy, dx, s[2], s[3]});
    const FlowGradient<T> flow{dy, dx, area, static_cast<T>(half_extent(s[2])), static_cast<T>(half_extent(s[3]))};
    OnGpu::each(r, r.out[0].size(), 1, flow);
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<Params>(registry, "GridGenerator", forward<OnGpu>);
  gpu::wide<Params>(registry, "_backward_GridGenerator", backward);
}

}  // namespace mixnet::op::grid_generator

// BilinearSampler on GPUs; see bilinear_sampler.cc.
#include "op/image/bilinear_sampler.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::bilinear_sampler {
namespace {

// The gradient of one point of the grid.
template <class T>
struct PointGradient {
  const T *dy, *data, *grid;
  T* out;
  int64_t channels, height, width, points;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const int64_t n = k / points, p = k % points, x = n * 2 * points + p, y = x + points;
    const Corners<T> c(grid[x], grid[y], height, width);
    T sum_x = 0, sum_y = 0;
    for (int64_t channel = n * channels; channel < (n + 1) * channels; ++channel) {
      const T g = dy[channel * points + p], *plane = data + channel * height * width;
      for (int q = 0; q < 4; ++q) {
        if (c.at[q] < 0) continue;
        sum_x += g * plane[c.at[q]] * (q % 2 ? 1 : -1) * (q / 2 ? c.wy : 1 - c.wy);
        sum_y += g * plane[c.at[q]] * (q / 2 ? 1 : -1) * (q % 2 ? c.wx : 1 - c.wx);
      }
    }
    out[x] = sum_x * static_cast<T>(width - 1) / 2;
    out[y] = sum_y * static_cast<T>(height - 1) / 2;
  }
};

// The gradient of one plane of data: any point may fall on any pixel, so that one thread adds them up in order.
template <class T>
struct PlaneGradient {
  const T *dy, *grid;
  T* out;
  int64_t channels, height, width, points;
  MIXNET_ON_DEVICE void operator()(int64_t channel) const {
    const T *x = grid + channel / channels * 2 * points, *y = x + points, *g = dy + channel * points;
    T* plane = out + channel * height * width;
    for (int64_t p = 0; p < points; ++p) {
      const Corners<T> c(x[p], y[p], height, width);
      for (int q = 0; q < 4; ++q)
        if (c.at[q] >= 0) plane[c.at[q]] += g[p] * c.weight(q);
    }
  }
};

void backward(const Params&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "BilinearSampler", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape &s = r.in[1].shape, &o = r.in[0].shape;
    const int64_t points = o[2] * o[3];
    const T *dy = r.in[0].as<T>(), *data = r.in[1].as<T>(), *grid = r.in[2].as<T>();
    OnGpu::zero(r, r.out[0]);
    OnGpu::each(r, s[0] * points, 1, PointGradient<T>{dy, data, grid, r.out[1].as<T>(), s[1], s[2], s[3], points});
    OnGpu::each(r, s[0] * s[1], 1, PlaneGradient<T>{dy, grid, r.out[0].as<T>(), s[1], s[2], s[3], points});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<Params>(registry, "BilinearSampler", forward<OnGpu>);
  gpu::wide<Params>(registry, "_backward_BilinearSampler", backward);
}

}  // namespace mixnet::op::bilinear_sampler

// _contrib_PSROIPooling and _contrib_DeformablePSROIPooling on GPUs; see psroi_pooling.cc.
#include "op/contrib/psroi_pooling.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::psroi_pooling {
namespace {

template <class T>
struct Average {
  Params p;
  FourExtents data;
  const T *x, *rois;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const Region<T> region(p, rois + e / p.region() * 5, data);
    y[e] = T(0);
    if (region.image() < 0) return;
    const Window window = region.cell(e % p.region());
    const int64_t area = window.area();
    T sum = 0;
    if (area > 0) window.each(data, [&](int64_t at) { sum += x[at]; });
    y[e] = area > 0 ? sum / static_cast<T>(area) : T(0);
  }
};

// f(region, cell) for the cells of all regions that read a plane: those of an image, of one output channel.
template <class F>
MIXNET_ON_DEVICE void for_readers(const Params& p, int64_t regions, int64_t channel, F f) {
  const int64_t n = p.pooled_size, c = channel / (p.groups() * p.groups());
  for (int64_t k = 0; k < regions; ++k) {
    for (int64_t cell = 0; cell < n * n; ++cell) {
      if (channel_of(p, c, cell / n, cell % n) == channel) f(k, c * n * n + cell);
    }
  }
}

// The gradient of one plane, which regions may share: one thread adds them up in order.
template <class T>
struct PlaneGradient {
  Params p;
  FourExtents data;
  int64_t regions;
  const T *dy, *rois;
  T* dx;
  MIXNET_ON_DEVICE void operator()(int64_t plane) const {
    for_readers(p, regions, plane % data[1], [&](int64_t k, int64_t e) {
      const Region<T> region(p, rois + k * 5, data);
      if (region.image() != plane / data[1]) return;
      const Window window = region.cell(e);
      if (window.area() == 0) return;
      const T share = dy[k * p.region() + e] / static_cast<T>(window.area());
      window.each(data, [&](int64_t at) { dx[at] += share; });
    });
  }
};

template <class T>
struct MovedAverage {
  Moved<T> moved;
  const T* x;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t k = e / moved.p.region();
    y[e] = T(0);
    if (moved.image(k) < 0) return;
    const Cell<T> cell = moved.cell(k, e % moved.p.region());
    y[e] = cell.average(moved.p, moved.data, x + cell.plane * moved.data[2] * moved.data[3]);
  }
};

template <class T>
struct MovedPlaneGradient {
  Moved<T> moved;
  int64_t regions;
  const T* dy;
  T* dx;
  MIXNET_ON_DEVICE void operator()(int64_t plane) const {
    T* const to = dx + plane * moved.data[2] * moved.data[3];
    for_readers(moved.p, regions, plane % moved.data[1], [&](int64_t k, int64_t e) {
      if (moved.image(k) != plane / moved.data[1]) return;
      const Cell<T> cell = moved.cell(k, e);
      const T share = cell.share(moved.p, moved.data, dy[k * moved.p.region() + e]);
      cell.each(moved.p, moved.data, [&](const Sample<T>& q) {
        for (int i = 0; i < 4; ++i) to[q.at[i]] += q.weight[i] * share;
      });
    });
  }
};

// Of one part of one class of a region: a movement's two numbers, from all cells that it moves.
template <class T>
struct MovementGradient {
  Moved<T> moved;
  const T *dy, *x;
  T* dtrans;
  MIXNET_ON_DEVICE void operator()(int64_t index) const {
    const Params& p = moved.p;
    const int64_t parts = p.parts() * p.parts(), k = index / parts / moved.classes,
                  number = index / parts % moved.classes, at = index / parts * 2 * parts + index % parts;
    T along_x = 0, along_y = 0;
    const int64_t first = number * moved.of_class() * p.cells(), end = first + moved.of_class() * p.cells();
    for (int64_t e = first; moved.image(k) >= 0 && e < end; ++e) {
      const Cell<T> cell = moved.cell(k, e);
      if (cell.trans_x != at) continue;
      const T* const plane = x + cell.plane * moved.data[2] * moved.data[3];
      T slope_y = 0, slope_x = 0;
      cell.each(p, moved.data, [&](const Sample<T>& q) {
        for (int i = 0; i < 4; ++i) {
          slope_y += q.along_y[i] * plane[q.at[i]];
          slope_x += q.along_x[i] * plane[q.at[i]];
        }
      });
      const T unit = cell.share(p, moved.data, dy[k * p.region() + e]) * static_cast<T>(p.trans_std);
      along_x += slope_x * unit * cell.width;
      along_y += slope_y * unit * cell.height;
    }
    dtrans[at] = along_x;
    dtrans[at + parts] = along_y;
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "PSROIPooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    OnGpu::each(r, r.out[0].size(), 1,
                Average<T>{p, FourExtents(r.in[0].shape), r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>()});
  });
}
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "PSROIPooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.out[0].shape;
    OnGpu::zero(r, r.out[0]);
    OnGpu::each(
        r, s[0] * s[1], 1,
        PlaneGradient<T>{p, FourExtents(s), r.in[2].shape[0], r.in[0].as<T>(), r.in[2].as<T>(), r.out[0].as<T>()});
  });
}
void forward_moved(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "DeformablePSROIPooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Moved<T> moved(p, r.in[1], p.no_trans ? nullptr : &r.in[2], r.in[0].shape);
    OnGpu::each(r, r.out[0].size(), 1, MovedAverage<T>{moved, r.in[0].as<T>(), r.out[0].as<T>()});
  });
}
void backward_moved(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "DeformablePSROIPooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[1].shape;
    const Moved<T> moved(p, r.in[2], p.no_trans ? nullptr : &r.in[3], s);
    OnGpu::zero(r, r.out[0]);
    OnGpu::each(r, s[0] * s[1], 1, MovedPlaneGradient<T>{moved, r.in[2].shape[0], r.in[0].as<T>(), r.out[0].as<T>()});
    if (p.no_trans) return;
    OnGpu::each(r, r.out[1].size() / 2, 1,
                MovementGradient<T>{moved, r.in[0].as<T>(), r.in[1].as<T>(), r.out[1].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<Params>(registry, "_contrib_PSROIPooling", forward);
  gpu::wide<Params>(registry, "_backward_contrib_PSROIPooling", backward);
  gpu::wide<Params>(registry, "_contrib_DeformablePSROIPooling", forward_moved);
  gpu::wide<Params>(registry, "_backward_contrib_DeformablePSROIPooling", backward_moved);
}

}  // namespace mixnet::op::psroi_pooling

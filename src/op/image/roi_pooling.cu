// ROIPooling on GPUs; see roi_pooling.cc.
#include "op/image/roi_pooling.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::roi_pooling {
namespace {

// Extents of out: regions, channels, rows and columns of the grid.
template <class T>
struct Largest {
  const T *data, *rois;
  T* y;
  FourExtents in, out;
  double scale;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t cells = out[2] * out[3], channel = e / cells % out[1];
    const T* roi = rois + e / (cells * out[1]) * 5;
    const int64_t image = image_of(roi, in[0]);
    y[e] = T(0);
    if (image < 0) return;
    const T* plane = data + (image * in[1] + channel) * in[2] * in[3];
    const int64_t best = Region<T>(scale, out[2], out[3], roi).largest(plane, in[2], in[3], e % cells);
    if (best >= 0) y[e] = plane[best];
  }
};

// The gradient of one plane, which regions may share: one thread adds them up in order.
template <class T>
struct PlaneGradient {
  const T *dy, *data, *rois;
  T* dx;
  FourExtents in, out;
  double scale;
  MIXNET_ON_DEVICE void operator()(int64_t index) const {
    const int64_t cells = out[2] * out[3], at = index * in[2] * in[3];
    for (int64_t k = 0; k < out[0]; ++k) {
      const T* roi = rois + k * 5;
      if (image_of(roi, in[0]) != index / in[1]) continue;
      const Region<T> region(scale, out[2], out[3], roi);
      const T* g = dy + (k * in[1] + index % in[1]) * cells;
      for (int64_t cell = 0; cell < cells; ++cell) {
        const int64_t best = region.largest(data + at, in[2], in[3], cell);
        if (best >= 0) dx[at + best] += g[cell];
      }
    }
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "ROIPooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    OnGpu::each(r, r.out[0].size(), 1,
                Largest<T>{r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>(), FourExtents(r.in[0].shape),
                           FourExtents(r.out[0].shape), p.spatial_scale});
  });
}
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "ROIPooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[1].shape;
    OnGpu::zero(r, r.out[0]);
    OnGpu::each(r, s[0] * s[1], 1,
                PlaneGradient<T>{r.in[0].as<T>(), r.in[1].as<T>(), r.in[2].as<T>(), r.out[0].as<T>(), FourExtents(s),
                                 FourExtents(r.in[0].shape), p.spatial_scale});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<Params>(registry, "ROIPooling", forward);
  gpu::wide<Params>(registry, "_backward_ROIPooling", backward);
}

}  // namespace mixnet::op::roi_pooling

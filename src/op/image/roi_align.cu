// _contrib_ROIAlign on GPUs; see roi_align.cc.
#include "op/image/roi_align.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::roi_align {
namespace {

// f(pixel of the plane, weight) for what one cell of a region is made of.
template <class T, class F>
MIXNET_ON_DEVICE void for_pixels(const Sampling& p, const T* roi, const FourExtents& data, const FourExtents& out,
                                 int64_t cell, F f) {
  const Axis<T> rows(p, roi[2], roi[4], out[2], data[2]), columns(p, roi[1], roi[3], out[3], data[3]);
  const int64_t samples = rows.samples * columns.samples;
  const T share = 1 / static_cast<T>(samples > 0 ? samples : 1);
  for (int64_t s = 0; s < samples; ++s) {
    for_corners(rows.at(cell / out[3], s / columns.samples), columns.at(cell % out[3], s % columns.samples), data[2],
                data[3], [&](int64_t at, T weight) { f(at, weight * share); });
  }
}

template <class T>
struct Average {
  const T *data, *rois;
  T* y;
  FourExtents in, out;
  Sampling p;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t cells = out[2] * out[3], k = e / (out[1] * cells), of_region = e % (out[1] * cells);
    const T* roi = rois + k * 5;
    T sum = 0;
    if (roi[0] >= 0 && roi[0] < static_cast<T>(in[0])) {
      const int64_t channel = p.position_sensitive ? of_region : of_region / cells;
      const T* plane = data + (static_cast<int64_t>(roi[0]) * in[1] + channel) * in[2] * in[3];
      for_pixels(p, roi, in, out, e % cells, [&](int64_t at, T weight) { sum += weight * plane[at]; });
    }
    y[e] = sum;
  }
};

// The gradient of one plane, which regions may share: one thread adds them up in order.
template <class T>
struct PlaneGradient {
  const T *dy, *rois;
  T* dx;
  int64_t regions;
  FourExtents in, out;
  Sampling p;
  MIXNET_ON_DEVICE void operator()(int64_t index) const {
    const int64_t cells = out[2] * out[3], image = index / in[1], channel = index % in[1];
    T* plane = dx + index * in[2] * in[3];
    const int64_t first = p.position_sensitive ? channel : channel * cells,
                  last = p.position_sensitive ? first + 1 : first + cells;
    for (int64_t k = 0; k < regions; ++k) {
      const T* roi = rois + k * 5;
      if (!(roi[0] >= 0 && roi[0] < static_cast<T>(in[0])) || static_cast<int64_t>(roi[0]) != image) continue;
      for (int64_t e = first; e < last; ++e) {
        const T g = dy[k * out[1] * cells + e];
        for_pixels(p, roi, in, out, e % cells, [&](int64_t at, T weight) { plane[at] += weight * g; });
      }
    }
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "ROIAlign", [&](auto tag) {
    using T = typename decltype(tag)::type;
    OnGpu::each(r, r.out[0].size(), 1,
                Average<T>{r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>(), FourExtents(r.in[0].shape),
                           FourExtents(r.out[0].shape), p});
  });
}
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "ROIAlign", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.out[0].shape;
    OnGpu::zero(r, r.out[0]);
    OnGpu::each(r, s[0] * s[1], 1,
                PlaneGradient<T>{r.in[0].as<T>(), r.in[2].as<T>(), r.out[0].as<T>(), r.in[2].shape[0], FourExtents(s),
                                 FourExtents(r.in[0].shape), p});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<Params>(registry, "_contrib_ROIAlign", forward);
  gpu::wide<Params>(registry, "_backward_contrib_ROIAlign", backward);
}

}  // namespace mixnet::op::roi_align

// _contrib_RROIAlign on GPUs; see rroi_align.cc.
#include "op/contrib/rroi_align.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::rroi_align {
namespace {

template <class T>
struct Average {
  const T *data, *rois;
  T* y;
  FourExtents in;
  Grid grid;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t cells = grid.rows * grid.columns, channel = e / cells % in[1];
    const T* roi = rois + e / (cells * in[1]) * 6;
    y[e] = T(0);
    if (!(roi[0] >= 0 && roi[0] < static_cast<T>(in[0])) || in[2] * in[3] == 0) return;
    const T* plane = data + (static_cast<int64_t>(roi[0]) * in[1] + channel) * in[2] * in[3];
    y[e] = Region<T>(grid, roi, in[2], in[3]).cell(plane, e % cells);
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "RROIAlign", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Grid grid{p.pooled_size[0], p.pooled_size[1], p.sampling_ratio, p.spatial_scale};
    OnGpu::each(r, r.out[0].size(), 1,
                Average<T>{r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>(), FourExtents(r.in[0].shape), grid});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::wide<Params>(registry, "_contrib_RROIAlign", forward); }

}  // namespace mixnet::op::rroi_align

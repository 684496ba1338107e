// _contrib_RROIAlign (Ma et al., 2018): averages of bilinear samples over the cells of a grid laid over turned regions of an image.
#include "op/contrib/rroi_align.h"

#include "op/core/wide.h"

namespace mixnet::op::rroi_align {
namespace {

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "RROIAlign", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const int64_t cells = p.pooled_size.size(), channels = s[1];
    parallel_for(r.in[1].shape[0], 1, [&](int64_t first, int64_t last) {
      for (int64_t k = first; k < last; ++k) {
        const T* roi = r.in[1].as<T>() + k * 6;
        T* y = r.out[0].as<T>() + k * channels * cells;
        std::fill_n(y, channels * cells, T(0));
        if (!(roi[0] >= 0 && roi[0] < static_cast<T>(s[0])) || s[2] * s[3] == 0) continue;
        const Region<T> region({p.pooled_size[0], p.pooled_size[1], p.sampling_ratio, p.spatial_scale}, roi, s[2],
                               s[3]);
        const T* image = r.in[0].as<T>() + static_cast<int64_t>(roi[0]) * channels * s[2] * s[3];
        for (int64_t e = 0; e < channels * cells; ++e) {
          y[e] = region.cell(image + e / cells * s[2] * s[3], e % cells);
        }
      }
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 4, 4);
  c.expect_ndim(1, 2, 2);
  c.set_in(1, Shape{-1, 6});
  c.set_out(0, Shape{c.in[1][0], c.in[0].ndim_known() ? c.in[0][1] : -1, p.pooled_size[0], p.pooled_size[1]});
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_RROIAlign");
  op.param("pooled_size", &Params::pooled_size).required().range(1, 1 << 20).doc("Height and width of the grid.");
  op.param("spatial_scale", &Params::spatial_scale)
      .required()
      .range(0)
      .doc("Multiplies centre and extents: the size of data over that of the image.");
  op.param("sampling_ratio", &Params::sampling_ratio)
      .range(-1, 1024)
      .doc("Samples per cell along each axis; 0 or less: as many as the cell has pixels.");
  op.check([](const Params& p) {
    MIXNET_CHECK(p.pooled_size.ndim() == 2, invalid, "pooled_size: expected (height, width), got ", p.pooled_size);
  });
  op.input("data", "(N, C, H, W), float.")
      .input("rois", "(R, 6): image, x, y of the centre, width, height, degrees; without such an image: zeros.");
  op.infer_shape(infer).prepare(prepare).no_gradient("MXNet has none; ROIAlign has");
  //[full
  op.doc("Average pooling of bilinear samples over turned regions (Ma et al., 2018), (R, C, height, width).");
  op.sample({{2, 2, 4, 5}, {3, 6}}, {{"pooled_size", Shape{2, 3}}, {"spatial_scale", 1.0}}).integers({1}, 2);
  op.sample({{3, 1, 4, 4}, {2, 6}}, {{"pooled_size", Shape{2, 2}}, {"spatial_scale", 0.7}, {"sampling_ratio", 2}})
      .integers({1}, 3);
  op.sample({{1, 1, 1, 1}, {1, 6}}, {{"pooled_size", Shape{1, 1}}, {"spatial_scale", 1.0}}).integers({1}, 1);
  op.sample({{1, 2, 3, 3}, {0, 6}}, {{"pooled_size", Shape{2, 2}}, {"spatial_scale", 1.0}});
  //]
}

}  // namespace mixnet::op::rroi_align

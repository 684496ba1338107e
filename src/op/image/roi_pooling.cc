// ROIPooling (Girshick, 2015): the largest element of each cell of a grid laid over regions of an image.
//
// A region is (image, x1, y1, x2, y2), both corners inside, scaled and rounded. Backward finds the largest elements again instead of keeping them.
#include "op/image/roi_pooling.h"

#include "op/core/wide.h"

namespace mixnet::op::roi_pooling {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("pooled_size", &Params::pooled_size).required().range(1).doc("Height and width of the grid.");
  op.param("spatial_scale", &Params::spatial_scale)
      .required()
      .range(0)
      .doc("Multiplies the corners: the size of data over that of the image.");
  op.check([](const Params& p) {
    MIXNET_CHECK(p.pooled_size.ndim() == 2, invalid, "pooled_size: expected (height, width), got ", p.pooled_size);
  });
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "ROIPooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const int64_t cells = p.pooled_size.size(), area = s[2] * s[3], channels = s[1];
    parallel_for(r.in[1].shape[0] * channels, 1, [&](int64_t first, int64_t last) {
      for (int64_t k = first; k < last; ++k) {
        const T* roi = r.in[1].as<T>() + k / channels * 5;
        T* y = r.out[0].as<T>() + k * cells;
        const int64_t image = image_of(roi, s[0]);
        std::fill_n(y, cells, T(0));
        if (image < 0) continue;
        const T* plane = r.in[0].as<T>() + (image * channels + k % channels) * area;
        const Region<T> region(p.spatial_scale, p.pooled_size[0], p.pooled_size[1], roi);
        for (int64_t cell = 0; cell < cells; ++cell) {
          const int64_t best = region.largest(plane, s[2], s[3], cell);
          y[cell] = best < 0 ? T(0) : plane[best];
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
  c.set_in(1, Shape{-1, 5});
  c.set_out(0, Shape{c.in[1][0], c.in[0].ndim_known() ? c.in[0][1] : -1, p.pooled_size[0], p.pooled_size[1]});
}

//[full
// (dy, data, rois): the gradient goes to the largest elements; regions get none. Channels are independent, so they run in parallel.
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "ROIPooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[1].shape;
    const int64_t cells = p.pooled_size.size(), area = s[2] * s[3], channels = s[1];
    std::fill_n(r.out[0].as<T>(), r.out[0].size(), T(0));
    parallel_for(channels, 1, [&](int64_t first, int64_t last) {
      for (int64_t k = first * r.in[2].shape[0]; k < last * r.in[2].shape[0]; ++k) {
        const int64_t channel = k / r.in[2].shape[0], region = k % r.in[2].shape[0];
        const T* roi = r.in[2].as<T>() + region * 5;
        const int64_t image = image_of(roi, s[0]);
        if (image < 0) continue;
        const int64_t at = (image * channels + channel) * area;
        const T* dy = r.in[0].as<T>() + (region * channels + channel) * cells;
        const Region<T> cut(p.spatial_scale, p.pooled_size[0], p.pooled_size[1], roi);
        for (int64_t cell = 0; cell < cells; ++cell) {
          const int64_t best = cut.largest(r.in[1].as<T>() + at, s[2], s[3], cell);
          if (best >= 0) r.out[0].as<T>()[at + best] += dy[cell];
        }
      }
    });
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) {
  if (g.wants(0)) g.set(0, g.make_backward("_backward_ROIPooling", {g.output_grad(0), g.input(0), g.input(1)})[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "ROIPooling");
  add_params(op);
  op.input("data", "(N, C, h, w), float.")
      .input("rois", "(R, 5): image, x1, y1, x2, y2; a region of an image that does not exist gives zeros.");
  op.infer_shape(infer).prepare(prepare);
  //[full
  op.doc(
      "Max pooling over regions of interest (Girshick, 2015): every region becomes a grid of pooled_size, (R, C, "
      "height, width). No gradient flows to the regions.");
  op.gradient(gradient);
  op.sample({{2, 2, 4, 5}, {3, 5}}, {{"pooled_size", Shape{2, 2}}, {"spatial_scale", 1.0}}).integers({1}, 4);
  op.sample({{3, 1, 4, 4}, {2, 5}}, {{"pooled_size", Shape{2, 3}}, {"spatial_scale", 0.7}}).integers({1}, 3);
  op.sample({{1, 1, 1, 1}, {1, 5}}, {{"pooled_size", Shape{1, 1}}, {"spatial_scale", 1.0}}).integers({1}, 1);
  op.sample({{1, 2, 3, 3}, {0, 5}}, {{"pooled_size", Shape{2, 2}}, {"spatial_scale", 1.0}}).integers({1}, 1);
  OpBuilder<Params> grad(registry, "_backward_ROIPooling");
  add_params(grad);
  grad.hidden().input("output_grad").input("data").input("rois").infer_shape(infer_backward).prepare(prepare_backward);
  grad.no_gradient("depends on the largest elements alone");
  //]
}

}  // namespace mixnet::op::roi_pooling

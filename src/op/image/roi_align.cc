// _contrib_ROIAlign (He et al., 2017): averages of bilinear samples over the cells of a grid laid over regions of an image.
#include "op/image/roi_align.h"

#include <vector>

#include "op/core/wide.h"

namespace mixnet::op::roi_align {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("pooled_size", &Params::pooled_size).required().range(1).doc("Height and width of the grid.");
  op.param("spatial_scale", &Params::spatial_scale)
      .required()
      .range(0)
      .doc("Multiplies the corners: the size of data over that of the image.");
  op.param("sample_ratio", &Params::sample_ratio)
      .range(-1, 1024)
      .doc("Samples per cell along each axis; 0 or less: as many as the cell has pixels.");
  op.param("position_sensitive", &Params::position_sensitive)
      .doc("Every cell has channels of its own: C is a multiple of the number of cells.");
  op.param("aligned", &Params::aligned)
      .doc("Moves regions by half a pixel, so that pixels are areas, and allows regions smaller than a pixel.");
  op.check([](const Params& p) {
    MIXNET_CHECK(p.pooled_size.ndim() == 2, invalid, "pooled_size: expected (height, width), got ", p.pooled_size);
  });
}

template <class T>
struct Pixel {
  int64_t at;  // in a plane
  T weight;
};

// f(region, its image, cell, the pixels that the cell is made of) for all cells of all regions. Pixels are the same for all channels.
template <class T, class F>
void for_cells(const Params& p, const T* rois, int64_t regions, const Shape& data, const Shape& out, F f) {
  std::vector<Pixel<T>> pixels;
  for (int64_t k = 0; k < regions; ++k) {
    const T* roi = rois + k * 5;
    if (!(roi[0] >= 0 && roi[0] < static_cast<T>(data[0]))) continue;
    const Axis<T> rows(p, roi[2], roi[4], out[2], data[2]), columns(p, roi[1], roi[3], out[3], data[3]);
    const T share = 1 / static_cast<T>(std::max<int64_t>(1, rows.samples * columns.samples));
    for (int64_t cell = 0; cell < out[2] * out[3]; ++cell) {
      pixels.clear();
      for (int64_t s = 0; s < rows.samples * columns.samples; ++s) {
        for_corners(rows.at(cell / out[3], s / columns.samples), columns.at(cell % out[3], s % columns.samples),
                    data[2], data[3], [&](int64_t at, T weight) { pixels.push_back({at, weight * share}); });
      }
      f(k, static_cast<int64_t>(roi[0]), cell, pixels);
    }
  }
}

// Where the planes of a cell are: that of channel c begins at first + c step.
struct Planes {
  int64_t first, step;
  Planes(const Params& p, const Shape& data, const Shape& out, int64_t image, int64_t cell) {
    const int64_t area = data[2] * data[3];
    first = image * data[1] * area + (p.position_sensitive ? cell * area : 0);
    step = p.position_sensitive ? out[2] * out[3] * area : area;
  }
};

// Sums of N channels, whose planes are `step` apart and whose results `apart`.
template <int N, class T>
void put_sums(const std::vector<Pixel<T>>& pixels, const T* x, int64_t step, T* y, int64_t apart) {
  T sums[N] = {};
  for (const Pixel<T>& pixel : pixels) {
    for (int q = 0; q < N; ++q) sums[q] += pixel.weight * x[pixel.at + q * step];
  }
  for (int q = 0; q < N; ++q) y[q * apart] = sums[q];
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "ROIAlign", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape &s = r.in[0].shape, &out = r.out[0].shape;
    const T* x = r.in[0].as<T>();
    T* y = r.out[0].as<T>();
    std::fill_n(y, r.out[0].size(), T(0));
    parallel_for(out[1], 8, [&](int64_t first, int64_t last) {
      const int64_t cells = out[2] * out[3];
      for_cells(p, r.in[1].as<T>(), r.in[1].shape[0], s, out,
                [&](int64_t region, int64_t image, int64_t cell, const std::vector<Pixel<T>>& pixels) {
                  const Planes planes(p, s, out, image, cell);
                  const T* const from = x + planes.first;
                  T* const to = y + region * out[1] * cells + cell;
                  int64_t c = first;
                  for (; c + 8 <= last; c += 8)
                    put_sums<8>(pixels, from + c * planes.step, planes.step, to + c * cells, cells);
                  for (; c < last; ++c) put_sums<1>(pixels, from + c * planes.step, planes.step, to + c * cells, cells);
                });
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 4, 4);
  c.expect_ndim(1, 2, 2);
  c.set_in(1, Shape{-1, 5});
  if (!c.in[0].ndim_known()) return;
  int64_t channels = c.in[0][1];
  const int64_t cells = p.pooled_size.size();
  if (p.position_sensitive && channels >= 0) {
    if (channels % cells != 0)
      c.fail(Code::shape, concat("data: expected a multiple of ", cells, " channels, got ", c.in[0]));
    channels /= cells;
  }
  c.set_out(0, Shape{c.in[1][0], channels, p.pooled_size[0], p.pooled_size[1]});
}

//[full
// (dy, data for its shape, rois). Channels share nothing, so they run in parallel.
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "ROIAlign", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape &s = r.out[0].shape, &out = r.in[0].shape;
    const T* dy = r.in[0].as<T>();
    T* dx = r.out[0].as<T>();
    std::fill_n(dx, r.out[0].size(), T(0));
    parallel_for(out[1], 8, [&](int64_t first, int64_t last) {
      const int64_t cells = out[2] * out[3];
      for_cells(p, r.in[2].as<T>(), r.in[2].shape[0], s, out,
                [&](int64_t region, int64_t image, int64_t cell, const std::vector<Pixel<T>>& pixels) {
                  const Planes planes(p, s, out, image, cell);
                  for (int64_t c = first; c < last; ++c) {
                    T* const plane = dx + planes.first + c * planes.step;
                    const T g = dy[(region * out[1] + c) * cells + cell];
                    for (const Pixel<T>& pixel : pixels) plane[pixel.at] += pixel.weight * g;
                  }
                });
    });
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) {
  if (g.wants(0))
    g.set(0, g.make_backward("_backward_contrib_ROIAlign", {g.output_grad(0), g.input(0), g.input(1)})[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_ROIAlign");
  add_params(op);
  op.input("data", "(N, C, h, w), float.")
      .input("rois", "(R, 5): image, x1, y1, x2, y2; a region of an image that does not exist gives zeros.");
  op.infer_shape(infer).prepare(prepare);
  //[full
  op.doc(
      "Average pooling of bilinear samples over regions of interest (He et al., 2017), (R, C, height, width). No "
      "gradient flows to the regions.");
  op.gradient(gradient);
  const Shape two{2, 2};
  op.sample({{2, 2, 4, 5}, {3, 5}}, {{"pooled_size", two}, {"spatial_scale", 1.0}}).integers({1}, 4);
  op.sample({{3, 1, 4, 4}, {2, 5}}, {{"pooled_size", Shape{2, 3}}, {"spatial_scale", 0.7}, {"sample_ratio", 2}})
      .integers({1}, 3);
  op.sample({{2, 4, 3, 4}, {2, 5}}, {{"pooled_size", two}, {"spatial_scale", 1.0}, {"position_sensitive", true}})
      .integers({1}, 3);
  op.sample({{2, 1, 3, 4}, {2, 5}},
            {{"pooled_size", two}, {"spatial_scale", 1.0}, {"aligned", true}, {"sample_ratio", 1}})
      .integers({1}, 3);
  op.sample({{1, 1, 1, 1}, {1, 5}}, {{"pooled_size", Shape{1, 1}}, {"spatial_scale", 1.0}}).integers({1}, 1);
  op.sample({{1, 2, 3, 3}, {0, 5}}, {{"pooled_size", two}, {"spatial_scale", 1.0}}).integers({1}, 1);
  OpBuilder<Params> grad(registry, "_backward_contrib_ROIAlign");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .input("data")
      .input("rois")
      .shape_only({1})
      .infer_shape(infer_backward)
      .prepare(prepare_backward);
  grad.no_gradient("linear in data; use ROIAlign for higher orders");
  //]
}

}  // namespace mixnet::op::roi_align

// _contrib_RROIAlign (Ma et al., 2018): averages of bilinear samples over the cells of a grid laid over turned regions of an image.
#include <cmath>

#include "op/core/wide.h"

namespace mixnet::op::rroi_align {
namespace {

struct Params {
  Shape pooled_size;
  double spatial_scale = 1;
  int64_t sampling_ratio = -1;
};

// Bilinear value; 0 further than a pixel outside of the image.
template <class T>
T value_at(const T* plane, T y, T x, int64_t height, int64_t width) {
  if (!(y >= -1 && y <= static_cast<T>(height) && x >= -1 && x <= static_cast<T>(width))) return T(0);
  y = std::min(std::max(y, T(0)), static_cast<T>(height - 1));
  x = std::min(std::max(x, T(0)), static_cast<T>(width - 1));
  const int64_t top = static_cast<int64_t>(y), left = static_cast<int64_t>(x);
  const int64_t bottom = std::min(top + 1, height - 1), right = std::min(left + 1, width - 1);
  const T v = y - static_cast<T>(top), h = x - static_cast<T>(left);
  return (1 - v) * ((1 - h) * plane[top * width + left] + h * plane[top * width + right]) +
         v * ((1 - h) * plane[bottom * width + left] + h * plane[bottom * width + right]);
}

// A region: its centre, extents and turn, in pixels of data.
template <class T>
struct Region {
  T x, y, width, height, cosine, sine;
  int64_t rows, columns;  // samples of a cell
  Region(const Params& p, const T* roi, const Shape& data) {
    const T scale = static_cast<T>(p.spatial_scale), angle = roi[5] * static_cast<T>(3.14159265358979323846 / 180);
    x = roi[1] * scale;
    y = roi[2] * scale;
    width = std::max(roi[3] * scale, T(1));
    height = std::max(roi[4] * scale, T(1));
    cosine = std::cos(angle);
    sine = std::sin(angle);
    // A region far larger than the image gets no more samples than four per pixel.
    auto samples = [&](T length, int64_t cells, int64_t extent) {
      if (p.sampling_ratio > 0) return p.sampling_ratio;
      const T wanted = std::ceil(length / static_cast<T>(cells));
      return wanted > 0 ? static_cast<int64_t>(std::min(wanted, static_cast<T>(4 * extent + 4))) : int64_t{0};
    };
    const int64_t extent = std::max(data[2], data[3]);
    rows = samples(height, p.pooled_size[0], extent);
    columns = samples(width, p.pooled_size[1], extent);
  }
  T cell(const Params& p, const T* plane, int64_t i, int64_t j, const Shape& data) const {
    const T h = height / static_cast<T>(p.pooled_size[0]), w = width / static_cast<T>(p.pooled_size[1]);
    T sum = 0;
    for (int64_t s = 0; s < rows * columns; ++s) {
      const T dy = (static_cast<T>(i) + (static_cast<T>(s / columns) + T(0.5)) / static_cast<T>(rows)) * h - height / 2;
      const T dx =
          (static_cast<T>(j) + (static_cast<T>(s % columns) + T(0.5)) / static_cast<T>(columns)) * w - width / 2;
      sum += value_at(plane, dy * cosine - dx * sine + y, dx * cosine + dy * sine + x, data[2], data[3]);
    }
    return sum / static_cast<T>(std::max<int64_t>(1, rows * columns));
  }
};

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
        const Region<T> region(p, roi, s);
        const T* image = r.in[0].as<T>() + static_cast<int64_t>(roi[0]) * channels * s[2] * s[3];
        for (int64_t e = 0; e < channels * cells; ++e) {
          y[e] = region.cell(p, image + e / cells * s[2] * s[3], e % cells / p.pooled_size[1], e % p.pooled_size[1], s);
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

// _contrib_PSROIPooling and _contrib_DeformablePSROIPooling (Dai et al., 2016 and 2017): averages over the cells of a grid laid over
// regions, where every cell reads channels of its own; in the second, cells are moved and read at bilinear samples.
#include <cmath>

#include "op/core/wide.h"

namespace mixnet::op::psroi_pooling {
namespace {

struct Params {
  double spatial_scale = 1, trans_std = 0;
  int64_t output_dim = 1, pooled_size = 1, group_size = 0, part_size = 0, sample_per_part = 1;
  bool no_trans = false;
  int64_t groups() const { return group_size > 0 ? group_size : pooled_size; }
  int64_t parts() const { return part_size > 0 ? part_size : pooled_size; }
};

// Where cell (k, c, i, j) reads: f(cell, channel of data) with i and j of a cell of the grid.
inline int64_t channel_of(const Params& p, int64_t c, int64_t i, int64_t j) {
  auto group = [&](int64_t v) { return std::min(v * p.groups() / p.pooled_size, p.groups() - 1); };
  return (c * p.groups() + group(i)) * p.groups() + group(j);
}
// Extent of a region along one axis, in pixels of data; half a pixel is taken off in the deformable form.
template <class T>
struct Extent {
  T start, length;
  Extent(const Params& p, T from, T to, T off) {
    const T scale = static_cast<T>(p.spatial_scale);
    start = std::round(from) * scale - off;
    length = std::max((std::round(to) + 1) * scale - off - start, T(0.1));
  }
};
template <class T>
int64_t image_of(const T* region, int64_t images) {
  return region[0] >= 0 && region[0] < static_cast<T>(images) ? static_cast<int64_t>(region[0]) : -1;
}

// f(output, plane, rows [h0, h1), columns [w0, w1)) for the cells of output channels [first, last).
template <class T, class F>
void for_cells(const Params& p, const T* rois, int64_t regions, const Shape& data, int64_t first, int64_t last, F f) {
  const int64_t n = p.pooled_size;
  auto limit = [](T v, int64_t extent) {
    return static_cast<int64_t>(std::max(T(0), std::min(v, static_cast<T>(extent))));
  };
  for (int64_t k = 0; k < regions; ++k) {
    const T* roi = rois + k * 5;
    const int64_t image = image_of(roi, data[0]);
    if (image < 0) continue;
    const Extent<T> x(p, roi[1], roi[3], 0), y(p, roi[2], roi[4], 0);
    const T cell_w = x.length / static_cast<T>(n), cell_h = y.length / static_cast<T>(n);
    for (int64_t e = first * n * n; e < last * n * n; ++e) {
      const int64_t c = e / (n * n), i = e / n % n, j = e % n;
      const T ti = static_cast<T>(i), tj = static_cast<T>(j);
      f(k * p.output_dim * n * n + e, image * data[1] + channel_of(p, c, i, j),
        limit(std::floor(ti * cell_h + y.start), data[2]), limit(std::ceil((ti + 1) * cell_h + y.start), data[2]),
        limit(std::floor(tj * cell_w + x.start), data[3]), limit(std::ceil((tj + 1) * cell_w + x.start), data[3]));
    }
  }
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "PSROIPooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    T* y = r.out[0].as<T>();
    std::fill_n(y, r.out[0].size(), T(0));
    parallel_for(p.output_dim, 1, [&](int64_t first, int64_t last) {
      for_cells(p, r.in[1].as<T>(), r.in[1].shape[0], s, first, last,
                [&](int64_t out, int64_t plane, int64_t h0, int64_t h1, int64_t w0, int64_t w1) {
                  if (h0 >= h1 || w0 >= w1) return;
                  T sum = 0;
                  for (int64_t h = h0; h < h1; ++h)
                    for (int64_t w = w0; w < w1; ++w) sum += r.in[0].as<T>()[(plane * s[2] + h) * s[3] + w];
                  y[out] = sum / static_cast<T>((h1 - h0) * (w1 - w0));
                });
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 4, 4);
  c.expect_ndim(1, 2, 2);
  c.set_in(0, Shape{-1, p.output_dim * p.groups() * p.groups(), -1, -1});
  c.set_in(1, Shape{-1, 5});
  c.set_out(0, Shape{c.in[1][0], p.output_dim, p.pooled_size, p.pooled_size});
}

// One bilinear sample of the deformable form: the four pixels with weights, and the weights' slopes.
template <class T>
struct Sample {
  int64_t at[4];
  T weight[4], along_y[4], along_x[4];
  Sample(T y, T x, int64_t width) {
    const T top = std::floor(y), left = std::floor(x), v = y - top, h = x - left;
    const int64_t y0 = static_cast<int64_t>(top), y1 = static_cast<int64_t>(std::ceil(y)),
                  x0 = static_cast<int64_t>(left), x1 = static_cast<int64_t>(std::ceil(x));
    for (int q = 0; q < 4; ++q) {
      at[q] = (q / 2 ? y1 : y0) * width + (q % 2 ? x1 : x0);
      weight[q] = (q / 2 ? v : 1 - v) * (q % 2 ? h : 1 - h);
      along_y[q] = (q / 2 ? T(1) : T(-1)) * (q % 2 ? h : 1 - h);
      along_x[q] = (q / 2 ? v : 1 - v) * (q % 2 ? T(1) : T(-1));
    }
  }
};

// A cell of the deformable form: its samples' places, the channel, and where it stands in `trans`.
template <class T>
struct Cell {
  int64_t out, plane, trans_x, trans_y;
  T start_y, start_x, step_y, step_x, height, width;  // of the region: the movement's units
};
template <class T, class F>
void for_moved(const Params& p, const T* rois, const T* trans, int64_t classes, const Shape& data, int64_t first,
               int64_t last, F f) {
  const int64_t n = p.pooled_size, parts = p.parts(),
                each = std::max<int64_t>(1, p.output_dim / std::max<int64_t>(1, classes));
  for (int64_t k = first; k < last; ++k) {
    const T* roi = rois + k * 5;
    const int64_t image = image_of(roi, data[0]);
    if (image < 0) continue;
    const Extent<T> x(p, roi[1], roi[3], T(0.5)), y(p, roi[2], roi[4], T(0.5));
    const T cell_w = x.length / static_cast<T>(n), cell_h = y.length / static_cast<T>(n);
    for (int64_t e = 0; e < p.output_dim * n * n; ++e) {
      const int64_t c = e / (n * n), i = e / n % n, j = e % n;
      Cell<T> cell{k * p.output_dim * n * n + e,
                   image * data[1] + channel_of(p, c, i, j),
                   -1,
                   -1,
                   0,
                   0,
                   cell_h / static_cast<T>(p.sample_per_part),
                   cell_w / static_cast<T>(p.sample_per_part),
                   y.length,
                   x.length};
      cell.start_y = static_cast<T>(i) * cell_h + y.start;
      cell.start_x = static_cast<T>(j) * cell_w + x.start;
      if (trans) {
        const int64_t part = i * parts / n * parts + j * parts / n;
        cell.trans_x = (k * classes + c / each) * 2 * parts * parts + part;
        cell.trans_y = cell.trans_x + parts * parts;
        cell.start_x += trans[cell.trans_x] * static_cast<T>(p.trans_std) * x.length;
        cell.start_y += trans[cell.trans_y] * static_cast<T>(p.trans_std) * y.length;
      }
      f(cell);
    }
  }
}
// g(sample) for the samples of a cell that lie in the image; returns their number.
template <class T, class G>
int64_t for_samples(const Params& p, const Cell<T>& cell, const Shape& data, G g) {
  int64_t count = 0;
  const T bottom = static_cast<T>(data[2]), right = static_cast<T>(data[3]);
  for (int64_t s = 0; s < p.sample_per_part * p.sample_per_part; ++s) {
    T y = cell.start_y + static_cast<T>(s / p.sample_per_part) * cell.step_y;
    T x = cell.start_x + static_cast<T>(s % p.sample_per_part) * cell.step_x;
    if (!(x >= T(-0.5) && x <= right - T(0.5) && y >= T(-0.5) && y <= bottom - T(0.5))) continue;
    y = std::min(std::max(y, T(0)), bottom - 1);
    x = std::min(std::max(x, T(0)), right - 1);
    g(Sample<T>(y, x, data[3]));
    ++count;
  }
  return count;
}
int64_t classes_of(const Params& p, const Shape& trans) { return p.no_trans ? 1 : trans[1] / 2; }

void forward_moved(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "DeformablePSROIPooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    T* y = r.out[0].as<T>();
    std::fill_n(y, r.out[0].size(), T(0));
    const T* trans = p.no_trans ? nullptr : r.in[2].as<T>();
    const int64_t classes = p.no_trans ? 1 : classes_of(p, r.in[2].shape);
    parallel_for(r.in[1].shape[0], 1, [&](int64_t first, int64_t last) {
      for_moved(p, r.in[1].as<T>(), trans, classes, s, first, last, [&](const Cell<T>& cell) {
        const T* plane = r.in[0].as<T>() + cell.plane * s[2] * s[3];
        T sum = 0;
        const int64_t count = for_samples(p, cell, s, [&](const Sample<T>& q) {
          for (int k = 0; k < 4; ++k) sum += q.weight[k] * plane[q.at[k]];
        });
        y[cell.out] = count ? sum / static_cast<T>(count) : T(0);
      });
    });
  });
}
std::unique_ptr<Kernel> prepare_moved(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, forward_moved, 0);
}
std::vector<std::string> moved_inputs(const Params& p) {
  return p.no_trans ? std::vector<std::string>{"data", "rois"} : std::vector<std::string>{"data", "rois", "trans"};
}
void infer_moved(InferShape& c) {
  const Params& p = c.params<Params>();
  infer(c);
  if (p.no_trans) return;
  c.expect_ndim(2, 4, 4);
  c.set_in(2, Shape{c.in[1][0], -1, p.parts(), p.parts()});
  const int64_t channels = c.in[2][1];
  if (channels < 0) return;
  if (channels < 2 || channels % 2 != 0 || p.output_dim % (channels / 2) != 0)
    c.fail(Code::shape, concat("trans: expected two channels for every class, classes that divide output_dim ",
                               p.output_dim, ", got ", c.in[2]));
}

//[full
// (dy, data for its shape, rois).
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "PSROIPooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.out[0].shape;
    T* dx = r.out[0].as<T>();
    std::fill_n(dx, r.out[0].size(), T(0));
    // Output channels read channels of their own.
    parallel_for(p.output_dim, 1, [&](int64_t first, int64_t last) {
      for_cells(p, r.in[2].as<T>(), r.in[2].shape[0], s, first, last,
                [&](int64_t out, int64_t plane, int64_t h0, int64_t h1, int64_t w0, int64_t w1) {
                  if (h0 >= h1 || w0 >= w1) return;
                  const T share = r.in[0].as<T>()[out] / static_cast<T>((h1 - h0) * (w1 - w0));
                  for (int64_t h = h0; h < h1; ++h)
                    for (int64_t w = w0; w < w1; ++w) dx[(plane * s[2] + h) * s[3] + w] += share;
                });
    });
  });
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
void gradient(GradientContext& g) {
  if (g.wants(0))
    g.set(0, g.make_backward("_backward_contrib_PSROIPooling", {g.output_grad(0), g.input(0), g.input(1)})[0]);
}

// (dy, data, rois[, trans]) to data and trans. Regions share pixels, so that one thread adds them up.
void backward_moved(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "DeformablePSROIPooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[1].shape;
    for (const TensorView& out : r.out) std::fill_n(out.as<T>(), out.size(), T(0));
    const T *trans = p.no_trans ? nullptr : r.in[3].as<T>(), *dy = r.in[0].as<T>();
    const int64_t classes = p.no_trans ? 1 : classes_of(p, r.in[3].shape);
    auto add = [&](const Cell<T>& cell) {
      const T* plane = r.in[1].as<T>() + cell.plane * s[2] * s[3];
      T *dx = r.out[0].as<T>() + cell.plane * s[2] * s[3], slope_y = 0, slope_x = 0;
      const int64_t count = for_samples(p, cell, s, [](const Sample<T>&) {});
      if (count == 0) return;
      const T share = dy[cell.out] / static_cast<T>(count);
      for_samples(p, cell, s, [&](const Sample<T>& q) {
        for (int k = 0; k < 4; ++k) {
          dx[q.at[k]] += q.weight[k] * share;
          slope_y += q.along_y[k] * plane[q.at[k]];
          slope_x += q.along_x[k] * plane[q.at[k]];
        }
      });
      if (!trans) return;
      r.out[1].as<T>()[cell.trans_x] += slope_x * share * static_cast<T>(p.trans_std) * cell.width;
      r.out[1].as<T>()[cell.trans_y] += slope_y * share * static_cast<T>(p.trans_std) * cell.height;
    };
    for_moved(p, r.in[2].as<T>(), trans, classes, s, 0, r.in[2].shape[0], add);
  });
}
std::unique_ptr<Kernel> prepare_backward_moved(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward_moved, 0);
}
std::vector<std::string> backward_moved_inputs(const Params& p) {
  std::vector<std::string> names = moved_inputs(p);
  names.insert(names.begin(), "output_grad");
  return names;
}
std::vector<std::string> backward_moved_outputs(const Params& p) {
  return p.no_trans ? std::vector<std::string>{"data"} : std::vector<std::string>{"data", "trans"};
}
void infer_backward_moved(InferShape& c) {
  c.set_out(0, c.in[1]);
  if (c.num_inputs() == 4) c.set_out(1, c.in[3]);
}
void gradient_moved(GradientContext& g) {
  std::vector<Entry> in{g.output_grad(0)};
  for (int i = 0; i < g.num_inputs(); ++i) in.push_back(g.input(i));
  const auto grads = g.make_backward("_backward_contrib_DeformablePSROIPooling", std::move(in));
  g.set(0, grads[0]);
  if (grads.size() > 1) g.set(2, grads[1]);
}
//]

void add_params(OpBuilder<Params>& op, bool moved) {
  op.param("spatial_scale", &Params::spatial_scale)
      .required()
      .range(0)
      .doc("Multiplies the corners: the size of data over that of the image.");
  op.param("output_dim", &Params::output_dim).required().range(1, 1 << 20).doc("Channels of the output.");
  if (moved)
    op.param("group_size", &Params::group_size).required().range(1, 1 << 10).doc("Channel groups along an axis.");
  op.param("pooled_size", &Params::pooled_size).required().range(1, 1 << 10).doc("Cells along an axis.");
  if (!moved) {
    op.param("group_size", &Params::group_size).range(0, 1 << 10).doc("Channel groups along an axis; 0: as the cells.");
    return;
  }
  op.param("part_size", &Params::part_size).range(0, 1 << 10).doc("Cells of trans along an axis; 0: as pooled_size.");
  op.param("sample_per_part", &Params::sample_per_part).range(1, 1 << 10).doc("Samples of a cell along an axis.");
  op.param("trans_std", &Params::trans_std).range(0).doc("Multiplies trans, in sizes of the region.");
  op.param("no_trans", &Params::no_trans).doc("Cells are not moved; trans is left out.");
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_PSROIPooling"), moved(registry, "_contrib_DeformablePSROIPooling");
  add_params(op, false);
  add_params(moved, true);
  for (OpBuilder<Params>* b : {&op, &moved}) {
    b->input("data", "(N, output_dim * group_size^2, H, W), float.")
        .input("rois", "(R, 5): image, x1, y1, x2, y2; a region of an image that does not exist gives zeros.");
  }
  moved.input("trans", "(R, 2 classes, part_size, part_size): movements of the cells, x then y.");
  moved.input_names(moved_inputs).infer_shape(infer_moved).prepare(prepare_moved);
  op.infer_shape(infer).prepare(prepare);
  //[full
  op.doc(
      "Position-sensitive pooling (Dai et al., 2016): the average over the cells of a grid, each with channels of its "
      "own, (R, output_dim, pooled_size, pooled_size). No gradient flows to the regions.");
  moved.doc(
      "Deformable position-sensitive pooling (Dai et al., 2017): averages of bilinear samples in moved cells, "
      "(R, output_dim, pooled_size, pooled_size).");
  op.gradient(gradient);
  moved.gradient(gradient_moved);
  op.sample({{2, 8, 4, 5}, {3, 5}}, {{"spatial_scale", 1.0}, {"output_dim", 2}, {"pooled_size", 2}}).integers({1}, 2);
  op.sample({{2, 4, 4, 4}, {2, 5}}, {{"spatial_scale", 0.6}, {"output_dim", 1}, {"pooled_size", 3}, {"group_size", 2}})
      .integers({1}, 2);
  op.sample({{1, 1, 1, 1}, {1, 5}}, {{"spatial_scale", 1.0}, {"output_dim", 1}, {"pooled_size", 1}}).integers({1}, 1);
  op.sample({{1, 1, 2, 2}, {0, 5}}, {{"spatial_scale", 1.0}, {"output_dim", 1}, {"pooled_size", 1}});
  const Attributes base{{"spatial_scale", 0.77}, {"output_dim", 2}, {"pooled_size", 2}, {"group_size", 2}};
  Attributes free = base, still = base;
  free.insert(free.end(), {{"trans_std", 0.1}, {"sample_per_part", 2}});
  still.emplace_back("no_trans", true);
  moved.sample({{2, 8, 5, 6}, {3, 5}, {3, 4, 2, 2}}, free).integers({1}, 2);
  moved.sample({{2, 8, 5, 6}, {3, 5}}, still).integers({1}, 2);
  const Attributes one{
      {"spatial_scale", 1.0}, {"output_dim", 1}, {"pooled_size", 1}, {"group_size", 1}, {"no_trans", true}};
  moved.sample({{1, 1, 1, 1}, {1, 5}}, one).integers({1}, 1);
  moved.sample({{1, 1, 2, 2}, {0, 5}}, one);
  OpBuilder<Params> grad(registry, "_backward_contrib_PSROIPooling");
  add_params(grad, false);
  grad.hidden().input("output_grad").input("data").input("rois").shape_only({1});
  grad.infer_shape(infer_backward).prepare(prepare_backward).no_gradient("linear in data");
  OpBuilder<Params> back(registry, "_backward_contrib_DeformablePSROIPooling");
  add_params(back, true);
  back.hidden().input("output_grad").input("data").input("rois").input("trans");
  back.input_names(backward_moved_inputs).output_names(backward_moved_outputs);
  back.visible_outputs([](const Params& p) { return p.no_trans ? 1 : 2; });
  back.infer_shape(infer_backward_moved).prepare(prepare_backward_moved);
  back.no_gradient("second order of deformable pooling is not provided");
  //]
}

}  // namespace mixnet::op::psroi_pooling

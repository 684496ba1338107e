// _contrib_PSROIPooling and _contrib_DeformablePSROIPooling (Dai et al., 2016 and 2017): averages over the cells of a grid laid over
// regions, where every cell reads channels of its own; in the second, cells are moved and read at bilinear samples.
#include "op/contrib/psroi_pooling.h"

#include "op/core/wide.h"

namespace mixnet::op::psroi_pooling {
namespace {

// f(number of the output, window) for the cells of output channels [first, last), region after region.
template <class T, class F>
void for_cells(const Params& p, const TensorView& rois, const FourExtents& data, int64_t first, int64_t last, F f) {
  for (int64_t k = 0; k < rois.shape[0]; ++k) {
    const Region<T> region(p, rois.as<T>() + k * 5, data);
    if (region.image() < 0) continue;
    for (int64_t e = first * p.cells(); e < last * p.cells(); ++e) {
      const Window window = region.cell(e);
      if (window.area() > 0) f(k * p.region() + e, window);
    }
  }
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "PSROIPooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const FourExtents data(r.in[0].shape);
    const T* x = r.in[0].as<T>();
    T* y = r.out[0].as<T>();
    std::fill_n(y, r.out[0].size(), T(0));
    parallel_for(p.output_dim, 1, [&](int64_t first, int64_t last) {
      for_cells<T>(p, r.in[1], data, first, last, [&](int64_t out, const Window& window) {
        T sum = 0;
        window.each(data, [&](int64_t at) { sum += x[at]; });
        y[out] = sum / static_cast<T>(window.area());
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

void forward_moved(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "DeformablePSROIPooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Moved<T> moved(p, r.in[1], p.no_trans ? nullptr : &r.in[2], r.in[0].shape);
    T* y = r.out[0].as<T>();
    std::fill_n(y, r.out[0].size(), T(0));
    parallel_for(r.in[1].shape[0], 1, [&](int64_t first, int64_t last) {
      for (int64_t k = first; k < last; ++k) {
        for (int64_t e = 0; moved.image(k) >= 0 && e < p.region(); ++e) {
          const Cell<T> cell = moved.cell(k, e);
          y[k * p.region() + e] =
              cell.average(p, moved.data, r.in[0].as<T>() + cell.plane * moved.data[2] * moved.data[3]);
        }
      }
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
    const FourExtents data(r.out[0].shape);
    T* dx = r.out[0].as<T>();
    std::fill_n(dx, r.out[0].size(), T(0));
    // Output channels read channels of their own.
    parallel_for(p.output_dim, 1, [&](int64_t first, int64_t last) {
      for_cells<T>(p, r.in[2], data, first, last, [&](int64_t out, const Window& window) {
        const T share = r.in[0].as<T>()[out] / static_cast<T>(window.area());
        window.each(data, [&](int64_t at) { dx[at] += share; });
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
    const Moved<T> moved(p, r.in[2], p.no_trans ? nullptr : &r.in[3], r.in[1].shape);
    for (const TensorView& out : r.out) std::fill_n(out.as<T>(), out.size(), T(0));
    const int64_t area = moved.data[2] * moved.data[3];
    auto add = [&](const Cell<T>& cell, T share) {
      const T* plane = r.in[1].as<T>() + cell.plane * area;
      T *dx = r.out[0].as<T>() + cell.plane * area, slope_y = 0, slope_x = 0;
      cell.each(p, moved.data, [&](const Sample<T>& q) {
        for (int k = 0; k < 4; ++k) {
          dx[q.at[k]] += q.weight[k] * share;
          slope_y += q.along_y[k] * plane[q.at[k]];
          slope_x += q.along_x[k] * plane[q.at[k]];
        }
      });
      if (!moved.trans) return;
      r.out[1].as<T>()[cell.trans_x] += slope_x * share * static_cast<T>(p.trans_std) * cell.width;
      r.out[1].as<T>()[cell.trans_y] += slope_y * share * static_cast<T>(p.trans_std) * cell.height;
    };
    for (int64_t k = 0; k < r.in[2].shape[0]; ++k) {
      for (int64_t e = 0; moved.image(k) >= 0 && e < p.region(); ++e) {
        const Cell<T> cell = moved.cell(k, e);
        add(cell, cell.share(p, moved.data, r.in[0].as<T>()[k * p.region() + e]));
      }
    }
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

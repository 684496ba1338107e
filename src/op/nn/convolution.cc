// Convolution over one to three spatial axes, with groups and dilation: im2col and matrix products, image by image.
#include "op/nn/convolution.h"

#include "op/core/gemm.h"
#include "op/core/wide.h"

namespace mixnet::op::convolution {
namespace {

// A window of one element without stride or padding: the image is the matrix already.
bool pointwise(const Window& w) { return w.volume() == 1 && w.stride[0] * w.stride[1] * w.stride[2] == 1 && w.pad[0] + w.pad[1] + w.pad[2] == 0; }

struct Sizes {
  Window w;
  Image m;
  int64_t n, groups, filters, depth, positions;  // filters and channels per group; depth = channels * volume
  Sizes(const ConvParams& p, const Shape& data, const Shape& out)
      : w(aligned(p.window())), m(conv_image(p.window(), data, out, data[1] / p.num_group)), n(data[0]), groups(p.num_group),
        filters(p.num_filter / p.num_group), depth(m.channels * w.volume()), positions(m.out_size()) {}
  size_t columns() const { return pointwise(w) ? 0 : static_cast<size_t>(depth * positions); }
};

void forward(const ConvParams& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Convolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[0].shape, r.out[0].shape);
    T* columns = static_cast<T*>(r.context.workspace);
    for (int64_t i = 0; i < s.n * s.groups; ++i) {
      const int64_t g = i % s.groups;
      const T* image = r.in[0].as<T>() + i * s.m.channels * s.m.in_size();
      T* out = r.out[0].as<T>() + i * s.filters * s.positions;
      if (!pointwise(s.w)) image_to_columns(s.m, s.w, image, columns);
      for (int64_t f = 0; f < s.filters; ++f) std::fill_n(out + f * s.positions, s.positions, p.no_bias ? T(0) : r.in[2].as<T>()[g * s.filters + f]);
      gemm<T>(false, false, s.filters, s.positions, s.depth, 1, r.in[1].as<T>() + g * s.filters * s.depth, s.depth,
              pointwise(s.w) ? image : columns, s.positions, 1, out, s.positions);
    }
  });
}

void infer(InferShape& c) {
  const ConvParams& p = c.params<ConvParams>();
  const Window w = p.window();
  if (!p.no_bias) c.set_in(2, Shape{p.num_filter});
  c.expect_ndim(0, w.dims + 2, w.dims + 2);
  const Shape& in = c.in[0];
  Shape weight{p.num_filter, -1};
  for (int i = 0; i < w.dims; ++i) weight.push_back(w.kernel[i]);
  if (in.ndim_known() && in[1] >= 0) {
    if (in[1] % p.num_group != 0) c.fail(Code::shape, concat("data: expected a multiple of ", p.num_group, " channels, got ", in));
    weight[1] = in[1] / p.num_group;
  }
  c.set_in(1, weight);
  if (!in.ndim_known()) return;
  Shape out{in[0], p.num_filter};
  for (int i = 0; i < w.dims; ++i) {
    const int64_t extent = in[2 + i];
    out.push_back(extent < 0 ? -1 : w.positions(i, extent));
    if (extent >= 0 && out.back() <= 0) c.fail(Code::shape, concat("the kernel ", p.kernel, " does not fit into data ", in));
  }
  c.set_out(0, out);
}

size_t item(const PrepareContext& c) { return c.inputs[0].dtype == DType::f64 ? 8 : 4; }
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const Sizes s(c.params<ConvParams>(), c.inputs[0].shape, c.outputs[0].shape);
  return std::make_unique<WideKernel<ConvParams>>(c, forward, s.columns() * item(c));
}

//[full
// (dy, x, w) to (dx, dw, db).
void backward(const ConvParams& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Convolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[1].shape, r.in[0].shape);
    T* columns = static_cast<T*>(r.context.workspace);
    T *dx = r.out[0].as<T>(), *dw = r.out[1].as<T>(), *db = p.no_bias ? nullptr : r.out[2].as<T>();
    if (dx) std::fill_n(dx, r.out[0].size(), T(0));
    if (dw) std::fill_n(dw, r.out[1].size(), T(0));
    if (db) std::fill_n(db, p.num_filter, T(0));
    for (int64_t i = 0; i < s.n * s.groups; ++i) {
      const int64_t g = i % s.groups, image_size = s.m.channels * s.m.in_size();
      const T *dy = r.in[0].as<T>() + i * s.filters * s.positions, *x = r.in[1].as<T>() + i * image_size;
      const T* weight = r.in[2].as<T>() + g * s.filters * s.depth;
      for (int64_t f = 0; db && f < s.filters; ++f) {
        T sum = 0;
        for (int64_t k = 0; k < s.positions; ++k) sum += dy[f * s.positions + k];
        db[g * s.filters + f] += sum;
      }
      if (dw) {
        if (!pointwise(s.w)) image_to_columns(s.m, s.w, x, columns);
        gemm<T>(false, true, s.filters, s.depth, s.positions, 1, dy, s.positions, pointwise(s.w) ? x : columns, s.positions, 1,
                dw + g * s.filters * s.depth, s.depth);
      }
      if (dx) {
        T* target = pointwise(s.w) ? dx + i * image_size : columns;
        gemm<T>(true, false, s.depth, s.positions, s.filters, 1, weight, s.depth, dy, s.positions, 0, target, s.positions);
        if (!pointwise(s.w)) columns_to_image(s.m, s.w, columns, dx + i * image_size);
      }
    }
  });
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  const Sizes s(c.params<ConvParams>(), c.inputs[1].shape, c.inputs[0].shape);
  return std::make_unique<WideKernel<ConvParams>>(c, backward, s.columns() * item(c));
}
void infer_backward(InferShape& c) {
  c.set_out(0, c.in[1]);
  c.set_out(1, c.in[2]);
  if (!c.params<ConvParams>().no_bias) c.set_out(2, Shape{c.params<ConvParams>().num_filter});
}
void gradient(GradientContext& g) {
  const auto grads = g.make_backward("_backward_Convolution", {g.output_grad(0), g.input(0), g.input(1)});
  for (int i = 0; i < g.num_inputs(); ++i) if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<ConvParams> op(registry, "Convolution");
  op.alias("Convolution_v1");
  add_conv_params(op, false);
  op.input("data", "(N, C, [d, [h,]] w).").input("weight", "(num_filter, C / num_group, kernel...).").input("bias", "(num_filter,).");
  op.input_names(conv_inputs).infer_shape(infer).prepare(prepare);
  //[full
  op.doc("Cross-correlates data with num_filter windows. Output (N, num_filter, positions...), positions = floor((x + 2 pad - dilate (kernel - 1) - 1) / stride) + 1.");
  op.gradient(gradient);
  op.sample({{2, 3, 5, 4}, {4, 3, 3, 3}, {4}}, {{"kernel", Shape{3, 3}}, {"num_filter", 4}, {"pad", Shape{1, 1}}});
  op.sample({{1, 4, 6, 5}, {4, 2, 2, 3}}, {{"kernel", Shape{2, 3}}, {"num_filter", 4}, {"num_group", 2}, {"stride", Shape{2, 1}}, {"no_bias", true}});
  op.sample({{1, 2, 7, 6}, {2, 2, 2, 2}, {2}}, {{"kernel", Shape{2, 2}}, {"num_filter", 2}, {"dilate", Shape{2, 3}}});
  op.sample({{2, 3, 3, 3}, {2, 3, 1, 1}, {2}}, {{"kernel", Shape{1, 1}}, {"num_filter", 2}});
  op.sample({{1, 2, 6}, {3, 2, 3}, {3}}, {{"kernel", Shape{3}}, {"num_filter", 3}, {"pad", Shape{2}}});
  op.sample({{1, 2, 3, 4, 3}, {2, 2, 2, 2, 2}, {2}}, {{"kernel", Shape{2, 2, 2}}, {"num_filter", 2}});
  op.sample({{1, 1, 1, 1}, {1, 1, 1, 1}, {1}}, {{"kernel", Shape{1, 1}}, {"num_filter", 1}});
  op.sample({{0, 2, 3, 3}, {2, 2, 2, 2}, {2}}, {{"kernel", Shape{2, 2}}, {"num_filter", 2}});

  OpBuilder<ConvParams> grad(registry, "_backward_Convolution");
  add_conv_params(grad, false);
  grad.hidden().input("output_grad").input("data").input("weight").output_names(conv_inputs).optional_outputs();
  grad.infer_shape(infer_backward).prepare(prepare_backward).no_gradient("second order is not defined yet");
  //]
}

}  // namespace mixnet::op::convolution

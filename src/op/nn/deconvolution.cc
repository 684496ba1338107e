// Deconvolution: the transpose of Convolution, which spreads every input element over a window of the output.
#include "op/nn/deconvolution.h"

#include "op/core/gemm.h"
#include "op/core/wide.h"

namespace mixnet::op::deconvolution {
namespace {

struct Sizes {
  Window w;
  Image m;
  int64_t n, groups, channels, depth, positions;  // input channels per group; depth = filters * volume
  Sizes(const ConvParams& p, const Shape& data, const Shape& out)
      : w(aligned(Geometry(p, data).w)),
        m(conv_image(p.window(), out, data, p.num_filter / p.num_group)),
        n(data[0]),
        groups(p.num_group),
        channels(data[1] / p.num_group),
        depth(m.channels * w.volume()),
        positions(m.out_size()) {}
};

void forward(const ConvParams& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Deconvolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[0].shape, r.out[0].shape);
    T* columns = static_cast<T*>(r.context.workspace);
    for (int64_t i = 0; i < s.n * s.groups; ++i) {
      const int64_t g = i % s.groups;
      T* out = r.out[0].as<T>() + i * s.m.channels * s.m.in_size();
      for (int64_t f = 0; f < s.m.channels; ++f) {
        std::fill_n(out + f * s.m.in_size(), s.m.in_size(), p.no_bias ? T(0) : r.in[2].as<T>()[g * s.m.channels + f]);
      }
      gemm<T>(true, false, s.depth, s.positions, s.channels, 1, r.in[1].as<T>() + g * s.channels * s.depth, s.depth,
              r.in[0].as<T>() + i * s.channels * s.positions, s.positions, 0, columns, s.positions);
      columns_to_image(s.m, s.w, columns, out);
    }
  });
}

void infer(InferShape& c) {
  const ConvParams& p = c.params<ConvParams>();
  const Window w = p.window();
  if (!p.no_bias) c.set_in(2, Shape{p.num_filter});
  c.expect_ndim(0, w.dims + 2, w.dims + 2);
  const Shape& in = c.in[0];
  Shape weight{-1, p.num_filter / p.num_group};
  for (int i = 0; i < w.dims; ++i) weight.push_back(w.kernel[i]);
  if (in.ndim_known()) {
    weight[0] = in[1];
    if (in[1] >= 0 && in[1] % p.num_group != 0)
      c.fail(Code::shape, concat("data: expected a multiple of ", p.num_group, " channels, got ", in));
  }
  c.set_in(1, weight);
  if (!in.ndim_known()) return;
  try {
    const Geometry geometry(p, in);
    Shape out{in[0], p.num_filter};
    for (int i = 0; i < w.dims; ++i) {
      out.push_back(in[2 + i] < 0 ? -1 : geometry.extent(i, in[2 + i]));
      if (in[2 + i] >= 0 && out.back() <= 0) c.fail(Code::shape, concat("the output would have extent ", out.back()));
    }
    c.set_out(0, out);
  } catch (const Error& e) {
    if (e.what()[0] == '[') throw;
    c.fail(e.code(), e.what());
  }
}

size_t scratch(const PrepareContext& c, const Shape& data, const Shape& out) {
  const Sizes s(c.params<ConvParams>(), data, out);
  return static_cast<size_t>(s.depth * s.positions) * (c.inputs[0].dtype == DType::f64 ? 8 : 4);
}
std::unique_ptr<Kernel> prepare_first(const PrepareContext& c) {
  return std::make_unique<WideKernel<ConvParams>>(c, forward, scratch(c, c.inputs[0].shape, c.outputs[0].shape));
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return prepare_in_layout<ConvParams>(c, prepare_first); }

//[full
// (dy, x, w) to (dx, dw, db).
void backward(const ConvParams& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Deconvolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[1].shape, r.in[0].shape);
    T* columns = static_cast<T*>(r.context.workspace);
    T *dx = r.out[0].as<T>(), *dw = r.out[1].as<T>(), *db = p.no_bias ? nullptr : r.out[2].as<T>();
    if (dw) std::fill_n(dw, r.out[1].size(), T(0));
    if (dx && s.positions * s.channels == 0) std::fill_n(dx, r.out[0].size(), T(0));
    if (db) std::fill_n(db, p.num_filter, T(0));
    for (int64_t i = 0; i < s.n * s.groups; ++i) {
      const int64_t g = i % s.groups;
      const T *dy = r.in[0].as<T>() + i * s.m.channels * s.m.in_size(),
              *x = r.in[1].as<T>() + i * s.channels * s.positions;
      for (int64_t f = 0; db && f < s.m.channels; ++f) {
        T sum = 0;
        for (int64_t k = 0; k < s.m.in_size(); ++k) sum += dy[f * s.m.in_size() + k];
        db[g * s.m.channels + f] += sum;
      }
      image_to_columns(s.m, s.w, dy, columns);
      if (dw)
        gemm<T>(false, true, s.channels, s.depth, s.positions, 1, x, s.positions, columns, s.positions, 1,
                dw + g * s.channels * s.depth, s.depth);
      if (dx)
        gemm<T>(false, false, s.channels, s.positions, s.depth, 1, r.in[2].as<T>() + g * s.channels * s.depth, s.depth,
                columns, s.positions, 0, dx + i * s.channels * s.positions, s.positions);
    }
  });
}
std::unique_ptr<Kernel> prepare_backward_first(const PrepareContext& c) {
  return std::make_unique<WideKernel<ConvParams>>(c, backward, scratch(c, c.inputs[1].shape, c.inputs[0].shape));
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return prepare_in_layout<ConvParams>(c, prepare_backward_first);
}
void infer_backward(InferShape& c) {
  c.set_out(0, c.in[1]);
  c.set_out(1, c.in[2]);
  if (!c.params<ConvParams>().no_bias) c.set_out(2, Shape{c.params<ConvParams>().num_filter});
}
void gradient(GradientContext& g) {
  const auto grads = g.make_backward("_backward_Deconvolution", {g.output_grad(0), g.input(0), g.input(1)});
  for (int i = 0; i < g.num_inputs(); ++i)
    if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
}
//]

// Unlike Convolution's, MXNet's layer has no bias unless asked.
void set_defaults(OpBuilder<ConvParams>& op) {
  op.defaults([](ConvParams& p) {
    p.no_bias = true;
    p.workspace = 512;
  });
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<ConvParams> op(registry, "Deconvolution");
  add_conv_params(op, true);
  set_defaults(op);
  op.input("data", "(N, C, [d, [h,]] w).")
      .input("weight", "(C, num_filter / num_group, kernel...).")
      .input("bias", "(num_filter,).");
  op.input_names(conv_inputs).infer_shape(infer_in_layout<ConvParams, infer>).prepare(prepare);
  //[full
  op.doc("The transpose of Convolution. Output extents are stride (x - 1) + dilate (kernel - 1) + 1 - 2 pad + adj.")
      .gradient(gradient);
  op.sample({{2, 3, 3, 4}, {3, 2, 3, 3}, {2}}, {{"kernel", Shape{3, 3}},
                                                {"num_filter", 2},
                                                {"stride", Shape{2, 2}},
                                                {"pad", Shape{1, 1}},
                                                {"adj", Shape{1, 1}},
                                                {"no_bias", false}});
  op.sample({{1, 4, 3, 3}, {4, 1, 2, 2}},
            {{"kernel", Shape{2, 2}}, {"num_filter", 2}, {"num_group", 2}, {"no_bias", true}});
  op.sample({{1, 2, 3, 3}, {2, 2, 4, 4}}, {{"kernel", Shape{4, 4}},
                                           {"num_filter", 2},
                                           {"stride", Shape{2, 2}},
                                           {"target_shape", Shape{6, 6}},
                                           {"no_bias", true}});
  op.sample({{1, 2, 4}, {2, 2, 3}, {2}}, {{"kernel", Shape{3}}, {"num_filter", 2}, {"no_bias", false}});
  op.sample({{2, 3, 4, 4}, {4, 3, 2, 1}, {2}}, {{"kernel", Shape{3, 2}},
                                                {"num_filter", 2},
                                                {"num_group", 2},
                                                {"stride", Shape{2, 2}},
                                                {"adj", Shape{1, 0}},
                                                {"no_bias", false},
                                                {"layout", "NHWC"}});
  op.sample({{1, 1, 1, 1}, {1, 1, 1, 1}}, {{"kernel", Shape{1, 1}}, {"num_filter", 1}, {"no_bias", true}});
  op.sample({{0, 2, 3, 3}, {2, 2, 2, 2}}, {{"kernel", Shape{2, 2}}, {"num_filter", 2}, {"no_bias", true}});

  OpBuilder<ConvParams> grad(registry, "_backward_Deconvolution");
  add_conv_params(grad, true);
  set_defaults(grad);
  grad.hidden().input("output_grad").input("data").input("weight").output_names(conv_inputs).optional_outputs();
  grad.infer_shape(infer_backward).prepare(prepare_backward).no_gradient("second order is not defined yet");
  //]
}

}  // namespace mixnet::op::deconvolution

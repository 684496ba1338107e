// _contrib_AdaptiveAvgPooling2D: averages over a grid of cells that covers the image, whatever its size.
#include "op/image/adaptive_avg_pooling.h"

#include "op/core/wide.h"

namespace mixnet::op::adaptive_avg_pooling {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("output_size", &Params::output_size)
      .range(1)
      .doc("Height and width of the output; one number for both; nothing for 1.");
  op.check([](const Params& p) {
    MIXNET_CHECK(p.output_size.ndim() <= 2, invalid, "output_size: expected at most (height, width), got ",
                 p.output_size);
  });
}

// f(plane, cell, first row, end row, first column, end column).
template <class F>
void for_cells(const Shape& in, const Shape& out, F f) {
  const int64_t cells = out[2] * out[3];
  parallel_for(in[0] * in[1], std::max<int64_t>(1, 4096 / std::max<int64_t>(1, in[2] * in[3])),
               [&](int64_t first, int64_t last) {
                 for (int64_t plane = first; plane < last; ++plane) {
                   for (int64_t c = 0; c < cells; ++c) {
                     const int64_t i = c / out[3], j = c % out[3];
                     f(plane, c, begin_of(i, in[2], out[2]), end_of(i, in[2], out[2]), begin_of(j, in[3], out[3]),
                       end_of(j, in[3], out[3]));
                   }
                 }
               });
}

void forward(const Params&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "AdaptiveAvgPooling2D", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape &s = r.in[0].shape, &o = r.out[0].shape;
    for_cells(s, o, [&](int64_t plane, int64_t cell, int64_t top, int64_t bottom, int64_t left, int64_t right) {
      const T* x = r.in[0].as<T>() + plane * s[2] * s[3];
      T sum = 0;
      for (int64_t y = top; y < bottom; ++y) {
        for (int64_t c = left; c < right; ++c) sum += x[y * s[3] + c];
      }
      r.out[0].as<T>()[plane * o[2] * o[3] + cell] = sum / static_cast<T>((bottom - top) * (right - left));
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 4, 4);
  if (!c.in[0].ndim_known()) return;
  const Shape& in = c.in[0];
  if (in[2] == 0 || in[3] == 0) c.fail(Code::shape, concat("data: expected images of at least one pixel, got ", in));
  c.set_out(0, Shape{in[0], in[1], p.extent(0), p.extent(1)});
}

//[full
// (dy, data for its shape).
void backward(const Params&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "AdaptiveAvgPooling2D", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape &s = r.out[0].shape, &o = r.in[0].shape;
    std::fill_n(r.out[0].as<T>(), r.out[0].size(), T(0));
    for_cells(s, o, [&](int64_t plane, int64_t cell, int64_t top, int64_t bottom, int64_t left, int64_t right) {
      T* dx = r.out[0].as<T>() + plane * s[2] * s[3];
      const T share = r.in[0].as<T>()[plane * o[2] * o[3] + cell] / static_cast<T>((bottom - top) * (right - left));
      for (int64_t y = top; y < bottom; ++y) {
        for (int64_t c = left; c < right; ++c) dx[y * s[3] + c] += share;
      }
    });
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_contrib_AdaptiveAvgPooling2D", {g.output_grad(0), g.input(0)})[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_AdaptiveAvgPooling2D");
  add_params(op);
  op.input("data", "(N, C, H, W), float.").infer_shape(infer).prepare(prepare);
  //[full
  op.doc(
        "Averages over a grid of output_size cells, (N, C, height, width); neighbouring cells overlap where the "
        "extents do not divide.")
      .gradient(gradient);
  op.sample({{2, 2, 3, 4}});
  op.sample({{1, 2, 3, 5}}, {{"output_size", Shape{2}}});
  op.sample({{1, 1, 2, 3}}, {{"output_size", Shape{3, 2}}});
  op.sample({{1, 1, 1, 1}}, {{"output_size", Shape{1}}});
  op.sample({{0, 1, 2, 2}});
  OpBuilder<Params> grad(registry, "_backward_contrib_AdaptiveAvgPooling2D");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .input("data")
      .shape_only({1})
      .infer_shape(infer_backward)
      .prepare(prepare_backward);
  grad.no_gradient("linear; use AdaptiveAvgPooling2D for higher orders");
  //]
}

}  // namespace mixnet::op::adaptive_avg_pooling

// im2col and col2im: the windows of an image as columns of a matrix, and such columns added up to an image. Each is the gradient of the other.
#include "op/nn/im2col.h"

#include "op/core/wide.h"

namespace mixnet::op::im2col {
namespace {

void add_params(OpBuilder<Params>& op, bool sized) {
  if (sized) op.param("output_size", &Params::output_size).required().range(0).doc("Spatial extents of the image.");
  op.param("kernel", &Params::kernel).required().range(1).doc("Extents of the window, one to three.");
  op.param("stride", &Params::stride).range(1).doc("Distance of windows; 1 when empty.");
  op.param("dilate", &Params::dilate).range(1).doc("Distance of the elements of a window; 1 when empty.");
  op.param("pad", &Params::pad).range(0).doc("Zeros around the image; 0 when empty.");
  op.check([](const Params& p) { Window(p.kernel, p.stride, p.dilate, p.pad); });
}

void unfold(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "im2col", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Image m = image_of(Window(p.kernel, p.stride, p.dilate, p.pad), r.in[0].shape);
    const Window w = trailing(p);
    const int64_t image = m.channels * m.in_size(), columns = m.channels * w.volume() * m.out_size();
    parallel_for(r.in[0].shape[0], 1, [&](int64_t first, int64_t last) {
      for (int64_t n = first; n < last; ++n)
        image_to_columns(m, w, r.in[0].as<T>() + n * image, r.out[0].as<T>() + n * columns);
    });
  });
}
void fold(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "col2im", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Image m = image_of(Window(p.kernel, p.stride, p.dilate, p.pad), r.out[0].shape);
    const Window w = trailing(p);
    const int64_t image = m.channels * m.in_size(), columns = m.channels * w.volume() * m.out_size();
    std::fill_n(r.out[0].as<T>(), r.out[0].size(), T(0));
    parallel_for(r.out[0].shape[0], 1, [&](int64_t first, int64_t last) {
      for (int64_t n = first; n < last; ++n)
        columns_to_image(m, w, r.in[0].as<T>() + n * columns, r.out[0].as<T>() + n * image);
    });
  });
}
std::unique_ptr<Kernel> prepare_unfold(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, unfold, 0);
}
std::unique_ptr<Kernel> prepare_fold(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, fold, 0);
}

// Number of windows of an image with these extents from dimension `first`; fails when there is none.
int64_t count_windows(const InferShape& c, const Window& w, const Shape& s, int first) {
  int64_t positions = 1;
  for (int i = 0; i < w.dims; ++i) {
    positions *= w.positions(i, s[first + i]);
    if (w.positions(i, s[first + i]) == 0) c.fail(Code::shape, concat("kernel: expected a window that fits into ", s));
  }
  return positions;
}
void infer_unfold(InferShape& c) {
  const Params& p = c.params<Params>();
  const Window w(p.kernel, p.stride, p.dilate, p.pad);
  c.expect_ndim(0, w.dims + 2, w.dims + 2);
  const Shape& in = c.in[0];
  if (!in.known()) return;
  c.set_out(0, Shape{in[0], in[1] * w.volume(), count_windows(c, w, in, 2)});
}
void infer_fold(InferShape& c) {
  const Params& p = c.params<Params>();
  const Window w(p.kernel, p.stride, p.dilate, p.pad);
  if (p.output_size.ndim() != w.dims)
    c.fail(Code::invalid, concat("output_size: expected ", w.dims, " numbers, got ", p.output_size));
  c.expect_ndim(0, 3, 3);
  const int64_t positions = count_windows(c, w, p.output_size, 0);
  c.set_in(0, Shape{-1, -1, positions});
  if (c.in[0][1] < 0) return;
  if (c.in[0][1] % w.volume() != 0)
    c.fail(Code::shape, concat("data: expected a multiple of ", w.volume(), " rows, got ", c.in[0]));
  Shape out{c.in[0][0], c.in[0][1] / w.volume()};
  for (int64_t extent : p.output_size) out.push_back(extent);
  c.set_out(0, out);
}

//[full
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
void unfold_gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_im2col", {g.output_grad(0), g.input(0)})[0]);
}
void fold_gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  g.set(0, g.make("im2col", {g.output_grad(0)},
                  {{"kernel", p.kernel}, {"stride", p.stride}, {"dilate", p.dilate}, {"pad", p.pad}}));
}
void add_samples(OpBuilder<Params>& to, OpBuilder<Params>& from) {
  to.sample({{2, 2, 4, 5}},
            {{"kernel", Shape{2, 3}}, {"stride", Shape{2, 1}}, {"dilate", Shape{1, 2}}, {"pad", Shape{1, 1}}});
  to.sample({{1, 2, 4}}, {{"kernel", Shape{2}}});
  to.sample({{1, 1, 2, 3, 3}}, {{"kernel", Shape{2, 2, 2}}, {"pad", Shape{0, 1, 0}}});
  to.sample({{1, 1, 1, 1}}, {{"kernel", Shape{1, 1}}});
  to.sample({{0, 1, 2, 2}}, {{"kernel", Shape{2, 2}}});
  from.sample({{2, 8, 6}}, {{"output_size", Shape{3, 4}}, {"kernel", Shape{2, 2}}});
  from.sample({{1, 4, 5}}, {{"output_size", Shape{4}}, {"kernel", Shape{2}}, {"pad", Shape{1}}});
  from.sample({{1, 9, 4}}, {{"output_size", Shape{5, 5}}, {"kernel", Shape{3, 3}}, {"stride", Shape{2, 2}}});
  from.sample({{1, 1, 1}}, {{"output_size", Shape{1, 1}}, {"kernel", Shape{1, 1}}});
  from.sample({{0, 4, 1}}, {{"output_size", Shape{2, 2}}, {"kernel", Shape{2, 2}}});
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> to(registry, "im2col");
  add_params(to, false);
  to.input("data", "(N, C, spatial extents), float.").infer_shape(infer_unfold).prepare(prepare_unfold);
  OpBuilder<Params> from(registry, "col2im");
  add_params(from, true);
  from.input("data", "(N, C * window, windows), float.").infer_shape(infer_fold).prepare(prepare_fold);
  //[full
  to.doc("The windows of images as columns: (N, C * elements of a window, number of windows).")
      .gradient(unfold_gradient);
  from.doc("Adds columns as im2col makes them up to images of output_size: (N, C, output_size).")
      .gradient(fold_gradient);
  add_samples(to, from);
  OpBuilder<Params> grad(registry, "_backward_im2col");
  add_params(grad, false);
  grad.hidden().input("output_grad").input("data").shape_only({1}).infer_shape(infer_backward).prepare(prepare_fold);
  grad.no_gradient("linear; use col2im for higher orders");
  //]
}

}  // namespace mixnet::op::im2col

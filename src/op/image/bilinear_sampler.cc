// BilinearSampler: an image looked up at the points of a grid.
#include "op/image/bilinear_sampler.h"

namespace mixnet::op::bilinear_sampler {
namespace {

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, forward<OnHost>, 0);
}

void infer(InferShape& c) {
  c.expect_ndim(0, 4, 4);
  c.expect_ndim(1, 4, 4);
  const Shape data = c.in[0].ndim_known() ? c.in[0] : Shape::filled(4, -1),
              grid = c.in[1].ndim_known() ? c.in[1] : Shape::filled(4, -1);
  c.set_in(1, Shape{data[0], 2, -1, -1});
  c.set_in(0, Shape{grid[0], -1, -1, -1});
  c.set_out(0, Shape{c.in[0][0], data[1], grid[2], grid[3]});
}

//[full
// (dy, data, grid) to the gradients of data and grid.
template <class T>
void backward_image(int64_t n, const RunContext& r) {
  const Shape &s = r.in[1].shape, &o = r.in[0].shape;
  const int64_t points = o[2] * o[3], area = s[2] * s[3];
  const T *x = r.in[2].as<T>() + n * 2 * points, *y = x + points;
  T *dx = r.out[1].as<T>() + n * 2 * points, *dy = dx + points;
  for (int64_t p = 0; p < points; ++p) {
    const Corners<T> c(x[p], y[p], s[2], s[3]);
    T sum_x = 0, sum_y = 0;
    for (int64_t channel = n * s[1]; channel < (n + 1) * s[1]; ++channel) {
      const T g = r.in[0].as<T>()[channel * points + p], *plane = r.in[1].as<T>() + channel * area;
      for (int q = 0; q < 4; ++q) {
        if (c.at[q] < 0) continue;
        r.out[0].as<T>()[channel * area + c.at[q]] += g * c.weight(q);
        sum_x += g * plane[c.at[q]] * (q % 2 ? 1 : -1) * (q / 2 ? c.wy : 1 - c.wy);
        sum_y += g * plane[c.at[q]] * (q / 2 ? 1 : -1) * (q % 2 ? c.wx : 1 - c.wx);
      }
    }
    dx[p] = sum_x * static_cast<T>(s[3] - 1) / 2;
    dy[p] = sum_y * static_cast<T>(s[2] - 1) / 2;
  }
}
void backward(const Params&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "BilinearSampler", [&](auto tag) {
    using T = typename decltype(tag)::type;
    std::fill_n(r.out[0].as<T>(), r.out[0].size(), T(0));
    parallel_for(r.in[1].shape[0], 1, [&](int64_t first, int64_t last) {
      for (int64_t n = first; n < last; ++n) backward_image<T>(n, r);
    });
  });
}
void infer_backward(InferShape& c) {
  c.set_out(0, c.in[1]);
  c.set_out(1, c.in[2]);
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) {
  const auto grads = g.make_backward("_backward_BilinearSampler", {g.output_grad(0), g.input(0), g.input(1)});
  for (int i = 0; i < 2; ++i) g.set(i, grads[static_cast<size_t>(i)]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "BilinearSampler");
  op.param("cudnn_off", &Params::cudnn_off).doc("Accepted for MXNet's files.");
  op.input("data", "(N, C, H, W), float.")
      .input("grid", "(N, 2, h, w): x, then y, from -1 at the first pixel to 1 at the last.");
  op.infer_shape(infer).prepare(prepare);
  //[full
  op.doc("The image at the points of grid, interpolated between the four pixels around each, 0 outside: (N, C, h, w).")
      .gradient(gradient);
  op.sample({{2, 2, 3, 4}, {2, 2, 2, 3}}).range(-0.9, 0.9);
  op.sample({{1, 1, 3, 3}, {1, 2, 3, 3}}).range(-1.6, 1.6);
  op.sample({{1, 1, 1, 1}, {1, 2, 1, 1}}).not_differentiable();
  op.sample({{0, 1, 2, 2}, {0, 2, 2, 2}});
  OpBuilder<Params> grad(registry, "_backward_BilinearSampler");
  grad.param("cudnn_off", &Params::cudnn_off);
  grad.hidden()
      .input("output_grad")
      .input("data")
      .input("grid")
      .outputs({"data", "grid"})
      .infer_shape(infer_backward)
      .prepare(prepare_backward);
  grad.no_gradient("the second derivative of sampling is not provided");
  //]
}

}  // namespace mixnet::op::bilinear_sampler

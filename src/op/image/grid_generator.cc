// GridGenerator: sampling grids from affine transformations or from optical flow.
#include "op/image/grid_generator.h"

namespace mixnet::op::grid_generator {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("transform_type", &Params::kind, {"affine", "warp"})
      .required()
      .doc("affine: data holds six numbers per image; warp: a displacement in pixels at every point.");
  op.param("target_shape", &Params::target_shape).range(0).doc("affine: height and width of the grid.");
  op.check([](const Params& p) {
    const Shape& s = p.target_shape;
    MIXNET_CHECK(s.ndim() == 2, invalid, "target_shape: expected (height, width), got ", s);
    MIXNET_CHECK(p.kind == Kind::warp || s.size() > 0, invalid, "target_shape: expected extents above 0, got ", s);
  });
}

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, forward<OnHost>, 0);
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const bool affine = p.kind == Kind::affine;
  c.expect_ndim(0, affine ? 2 : 4, affine ? 2 : 4);
  c.set_in(0, affine ? Shape{-1, 6} : Shape{-1, 2, -1, -1});
  c.set_out(0, affine ? Shape{c.in[0][0], 2, p.target_shape[0], p.target_shape[1]} : c.in[0]);
  c.set_in(0, affine ? Shape{c.out[0][0], 6} : c.out[0]);
}

//[full
// affine: each row of theta meets (x, y, 1) at every point.
template <class T>
void backward_affine(const T* dy, int64_t count, int64_t height, int64_t width, T* dtheta) {
  for (int64_t n = 0; n < count * 2; ++n) {
    double sum[3] = {};
    for (int64_t p = 0; p < height * width; ++p) {
      const double g = static_cast<double>(dy[n * height * width + p]);
      sum[0] += g * grid_point(p % width, width);
      sum[1] += g * grid_point(p / width, height);
      sum[2] += g;
    }
    for (int k = 0; k < 3; ++k) dtheta[n * 3 + k] = static_cast<T>(sum[k]);
  }
}
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "GridGenerator", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const T* dy = r.in[0].as<T>();
    T* dx = r.out[0].as<T>();
    if (p.kind == Kind::affine) return backward_affine(dy, s[0], s[2], s[3], dx);
    for (int64_t e = 0; e < r.out[0].size(); ++e)
      dx[e] = dy[e] / static_cast<T>(half_extent(s[e / (s[2] * s[3]) % 2 == 1 ? 2 : 3]));
  });
}
void infer_backward(InferShape& c) {
  if (!c.in[0].ndim_known()) return;
  c.set_out(0, c.params<Params>().kind == Kind::affine ? Shape{c.in[0][0], 6} : c.in[0]);
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_GridGenerator", {g.output_grad(0)})[0]); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "GridGenerator");
  add_params(op);
  op.input("data", "affine: (N, 6), the matrices row by row; warp: (N, 2, h, w), displacements in x and y.")
      .infer_shape(infer)
      .prepare(prepare);
  //[full
  op.doc(
      "Grids for BilinearSampler, (N, 2, h, w): affine transforms the points (x, y) of a grid from -1 to 1; warp moves "
      "every pixel by its displacement.");
  op.gradient(gradient);
  op.sample({{2, 6}}, {{"transform_type", "affine"}, {"target_shape", Shape{2, 3}}});
  op.sample({{2, 2, 2, 3}}, {{"transform_type", "warp"}});
  op.sample({{1, 6}}, {{"transform_type", "affine"}, {"target_shape", Shape{1, 1}}});
  op.sample({{1, 2, 1, 1}}, {{"transform_type", "warp"}});
  op.sample({{0, 6}}, {{"transform_type", "affine"}, {"target_shape", Shape{2, 2}}});
  op.sample({{0, 2, 1, 1}}, {{"transform_type", "warp"}});
  op.sample({{1, 2, 1, 0}}, {{"transform_type", "warp"}});
  OpBuilder<Params> grad(registry, "_backward_GridGenerator");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .infer_shape(infer_backward)
      .prepare(prepare_backward)
      .no_gradient("linear; use GridGenerator for higher orders");
  //]
}

}  // namespace mixnet::op::grid_generator

// SpatialTransformer (Jaderberg et al., 2015): an affine grid from loc, and data sampled at its points.
#include "op/image/spatial_transformer.h"

namespace mixnet::op::spatial_transformer {
namespace {

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, forward<OnHost>, 0);
}

void infer(InferShape& c) {
  const Shape& target = c.params<Params>().target_shape;
  c.expect_ndim(0, 4, 4);
  c.expect_ndim(1, 2, 2);
  c.set_in(1, Shape{c.in[0].ndim_known() ? c.in[0][0] : -1, 6});
  c.set_in(0, Shape{c.in[1][0], -1, -1, -1});
  c.set_out(0, Shape{c.in[0][0], c.in[0][1], target[0], target[1]});
  c.set_out(1, Shape{c.in[0][0], 2, target[0], target[1]});
}

//[full
void gradient(GradientContext& g) {
  const auto grads = g.make_all("_backward_BilinearSampler", {g.output_grad(0), g.input(0), g.output(1)});
  g.set(0, grads[0]);
  if (g.wants(1))
    g.set(1, g.make("_backward_GridGenerator", {grads[1]},
                    {{"transform_type", "affine"}, {"target_shape", g.params<Params>().target_shape}}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "SpatialTransformer");
  op.param("target_shape", &Params::target_shape).range(0).doc("Height and width of the output.");
  op.param("transform_type", &Params::transform, {"affine"}).required().doc("The kind of transformation.");
  op.param("sampler_type", &Params::sampler, {"bilinear"}).required().doc("The kind of interpolation.");
  op.param("cudnn_off", &Params::cudnn_off).doc("Accepted for MXNet's files.");
  op.check([](const Params& p) {
    MIXNET_CHECK(p.target_shape.ndim() == 2 && p.target_shape.size() > 0, invalid,
                 "target_shape: expected (height, width) above 0, got ", p.target_shape);
  });
  op.input("data", "(N, C, H, W), float.").input("loc", "(N, 6): the affine transformations, row by row.");
  op.outputs({"output", "grid"}, 1).infer_shape(infer).prepare(prepare);
  //[full
  op.doc(
        "A spatial transformer (Jaderberg et al., 2015): data sampled where loc sends the points of the output, (N, C, "
        "height, width).")
      .gradient(gradient);
  const Attributes kinds{{"transform_type", "affine"}, {"sampler_type", "bilinear"}};
  auto with = [&kinds](int64_t height, int64_t width) {
    Attributes attributes = kinds;
    attributes.emplace_back("target_shape", Shape{height, width});
    return attributes;
  };
  op.sample({{2, 2, 3, 4}, {2, 6}}, with(2, 3)).range(-0.7, 0.9);
  op.sample({{1, 1, 1, 1}, {1, 6}}, with(1, 1)).not_differentiable();
  op.sample({{0, 1, 2, 2}, {0, 6}}, with(2, 2));
  //]
}

}  // namespace mixnet::op::spatial_transformer

// _contrib_MultiBoxPrior (Liu et al., 2016): anchors around every pixel of a feature map, in units of the image.
#include "op/contrib/multibox_prior.h"

namespace mixnet::op::multibox_prior {
namespace {

void check(const Params& p) {
  MIXNET_CHECK(!p.sizes.empty(), invalid, "sizes: expected at least one number");
  MIXNET_CHECK(!p.ratios.empty(), invalid, "ratios: expected at least one number");
  MIXNET_CHECK(p.steps.size() == 2, invalid, "steps: expected (y, x), got ", p.steps.size(), " numbers");
  MIXNET_CHECK(p.offsets.size() == 2, invalid, "offsets: expected (y, x), got ", p.offsets.size(), " numbers");
  MIXNET_CHECK(p.steps[0] * p.steps[1] >= 0, invalid, "steps: expected both or none, got (", p.steps[0], ", ",
               p.steps[1], ")");
  for (double o : p.offsets) MIXNET_CHECK(o >= 0 && o <= 1, invalid, "offsets: expected values in [0, 1], got ", o);
}

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, forward<OnHost>, 0);
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 4, 4);
  const Shape& s = c.in[0];
  if (!s.ndim_known() || s[2] < 0 || s[3] < 0) return;
  checked_size(Shape{s[2], s[3], p.anchors(), 4}, 8);
  c.set_out(0, Shape{1, s[2] * s[3] * p.anchors(), 4});
}
void infer_type(InferType& c) {
  c.expect_float(0);
  c.set_out(0, c.in[0]);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_MultiBoxPrior");
  op.param("sizes", &Params::sizes).doc("Heights of the anchors, as shares of the image.");
  op.param("ratios", &Params::ratios).doc("Width over height; all but the first go with the first size alone.");
  op.param("clip", &Params::clip).doc("Cuts anchors off at the borders of the image.");
  op.param("steps", &Params::steps).doc("Distance of pixels (y, x); 1 over the map's extents when below 0.");
  op.param("offsets", &Params::offsets).doc("Where in a pixel the centre is (y, x).");
  op.check(check);
  op.input("data", "(N, C, H, W): only H and W matter.").shape_only({0});
  op.infer_shape(infer).infer_type(infer_type).prepare(prepare).zero_gradient();
  //[full
  op.doc(
      "Anchors around every pixel, (1, H W (sizes + ratios - 1), 4), corners. Anchors are as wide as high in pixels of "
      "the map where the ratio is 1.");
  op.sample({{1, 2, 2, 3}}, {{"sizes", std::vector<double>{0.5, 0.25}}, {"ratios", std::vector<double>{1, 2, 0.5}}});
  op.sample({{2, 1, 2, 2}}, {{"sizes", std::vector<double>{0.9}}, {"clip", true}});
  op.sample({{1, 1, 3, 2}}, {{"steps", std::vector<double>{0.3, 0.4}}, {"offsets", std::vector<double>{0.2, 0.7}}});
  op.sample({{1, 1, 1, 1}});
  op.sample({{1, 1, 0, 2}});
  //]
}

}  // namespace mixnet::op::multibox_prior

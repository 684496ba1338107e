// _contrib_MultiBoxPrior (Liu et al., 2016): anchors around every pixel of a feature map, in units of the image.
#include <cmath>

#include "op/contrib/boxes.h"

namespace mixnet::op::multibox_prior {
namespace {

struct Params {
  std::vector<double> sizes{1}, ratios{1}, steps{-1, -1}, offsets{0.5, 0.5};
  bool clip = false;
  int64_t anchors() const { return static_cast<int64_t>(sizes.size() + ratios.size()) - 1; }
};

void check(const Params& p) {
  MIXNET_CHECK(!p.sizes.empty(), invalid, "sizes: expected at least one number");
  MIXNET_CHECK(!p.ratios.empty(), invalid, "ratios: expected at least one number");
  MIXNET_CHECK(p.steps.size() == 2, invalid, "steps: expected (y, x), got ", p.steps.size(), " numbers");
  MIXNET_CHECK(p.offsets.size() == 2, invalid, "offsets: expected (y, x), got ", p.offsets.size(), " numbers");
  MIXNET_CHECK(p.steps[0] * p.steps[1] >= 0, invalid, "steps: expected both or none, got (", p.steps[0], ", ",
               p.steps[1], ")");
  for (double o : p.offsets) MIXNET_CHECK(o >= 0 && o <= 1, invalid, "offsets: expected values in [0, 1], got ", o);
}

// Every size with the first ratio, then the first size with the other ratios.
template <class T>
void fill(const Params& p, int64_t height, int64_t width, T* y) {
  const int64_t each = p.anchors(), sizes = static_cast<int64_t>(p.sizes.size());
  const T aspect = static_cast<T>(height) / static_cast<T>(width);
  const T step_y = p.steps[0] > 0 ? static_cast<T>(p.steps[0]) : 1 / static_cast<T>(height);
  const T step_x = p.steps[1] > 0 ? static_cast<T>(p.steps[1]) : 1 / static_cast<T>(width);
  parallel_for(height * width, std::max<int64_t>(1, 4096 / each), [&](int64_t first, int64_t last) {
    for (int64_t k = first; k < last; ++k) {
      const T cy = (static_cast<T>(k / width) + static_cast<T>(p.offsets[0])) * step_y;
      const T cx = (static_cast<T>(k % width) + static_cast<T>(p.offsets[1])) * step_x;
      for (int64_t a = 0; a < each; ++a) {
        const T size = static_cast<T>(p.sizes[static_cast<size_t>(a < sizes ? a : 0)]);
        const T ratio = std::sqrt(static_cast<T>(p.ratios[static_cast<size_t>(a < sizes ? 0 : a - sizes + 1)]));
        const T w = size * aspect * ratio / 2, h = size / ratio / 2;
        T box[4] = {cx - w, cy - h, cx + w, cy + h};
        for (int i = 0; i < 4; ++i)
          y[(k * each + a) * 4 + i] = p.clip ? std::min(std::max(box[i], T(0)), T(1)) : box[i];
      }
    }
  });
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.out[0].dtype, "MultiBoxPrior", [&](auto tag) {
    using T = typename decltype(tag)::type;
    fill(p, r.in[0].shape[2], r.in[0].shape[3], r.out[0].as<T>());
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

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

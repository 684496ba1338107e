// smooth_l1: the absolute value, rounded off at 0.
#include "op/elemwise/smooth_l1.h"

#include "base/independent.h"
#include "op/core/builder.h"

namespace mixnet::op::smooth_l1 {
namespace {

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "smooth_l1", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const T* x = r.in[0].as<T>();
    T* y = r.out[0].as<T>();
    const Curve<A> curve(p);
    parallel_for(r.out[0].size(), 16384, [=](int64_t first, int64_t last) {
      MIXNET_INDEPENDENT
      for (int64_t i = first; i < last; ++i) y[i] = static_cast<T>(curve(static_cast<A>(x[i])));
    });
  });
}

void infer_type(InferType& c) {
  c.expect_float(0);
  c.all_same();
}

//[full
// dy/dx = scalar^2 x, but at most 1.
void gradient(GradientContext& g) {
  const double scalar = g.params<Params>().scalar;
  const Entry line = g.make("_mul_scalar", {g.input(0)}, {{"scalar", scalar * scalar}});
  const Entry slope = g.make("clip", {line}, {{"a_min", -1.0}, {"a_max", 1.0}});
  g.set(0, g.make("elemwise_mul", {g.output_grad(0), slope}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "smooth_l1");
  op.param("scalar", &Params::scalar).doc("sigma: the larger, the smaller the rounded part.");
  op.input("data", "Any shape, float.").inplace(0, 0).infer_type(infer_type).kernel(forward).pointwise();
  //[full
  op.doc("(scalar x)^2 / 2 where |x| < 1 / scalar^2, |x| - 0.5 / scalar^2 elsewhere (Girshick, Fast R-CNN, 2015).");
  op.gradient(gradient);
  op.sample({{2, 3}}, {{"scalar", 1.0}}).range(-0.9, 0.9);
  op.sample({{3, 2}}, {{"scalar", 2.0}}).range(-3, -0.3);
  op.sample({{1}}, {{"scalar", 3.0}}).range(0.2, 2);
  op.sample({{0, 3}});
  //]
}

}  // namespace mixnet::op::smooth_l1

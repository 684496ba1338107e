// hard_sigmoid: a line between 0 and 1 instead of the sigmoid.
#include "op/elemwise/hard_sigmoid.h"

#include "base/independent.h"
#include "op/core/builder.h"

namespace mixnet::op::hard_sigmoid {
namespace {

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "hard_sigmoid", [&](auto tag) {
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
// dy/dx = alpha where the line has not reached 0 or 1.
void gradient(GradientContext& g) {
  const Entry above = g.make("_greater_scalar", {g.output(0)}, {{"scalar", 0.0}});
  const Entry inside = g.make("elemwise_mul", {above, g.make("_lesser_scalar", {g.output(0)}, {{"scalar", 1.0}})});
  const Entry slope = g.make("_mul_scalar", {inside}, {{"scalar", g.params<Params>().alpha}});
  g.set(0, g.make("elemwise_mul", {g.output_grad(0), slope}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "hard_sigmoid");
  op.param("alpha", &Params::alpha).doc("The slope of the line.");
  op.param("beta", &Params::beta).doc("Its value at 0.");
  op.input("data", "Any shape, float.").inplace(0, 0).infer_type(infer_type).kernel(forward).pointwise();
  //[full
  op.doc("max(0, min(1, alpha x + beta)), elementwise. The output has the shape and dtype of data.");
  op.gradient(gradient);
  op.sample({{2, 3}}).range(-2, 2);
  op.sample({{3, 2}}, {{"alpha", 0.5}, {"beta", 0.1}}).range(2, 3);
  op.sample({{1}}, {{"alpha", 1.0}, {"beta", 0.0}}).range(0.1, 0.9);
  op.sample({{0, 3}});
  //]
}

}  // namespace mixnet::op::hard_sigmoid

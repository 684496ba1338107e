// _contrib_quadratic: a x^2 + b x + c.
#include "op/contrib/quadratic.h"

#include "op/core/builder.h"

namespace mixnet::op::quadratic {
namespace {

//[full
// The slope 2 a x + b is a quadratic function too.
void gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  const Entry slope = g.make("_contrib_quadratic", {g.input(0)}, {{"b", 2 * p.a}, {"c", p.b}});
  g.set(0, g.make("elemwise_mul", {g.output_grad(0), slope}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_quadratic");
  op.param("a", &Params::a).doc("Factor of the square.");
  op.param("b", &Params::b).doc("Factor of data.");
  op.param("c", &Params::c).doc("Added to everything.");
  op.input("data", "Any shape, float.").inplace(0, 0).kernel(forward<OnHost>);
  //[full
  op.doc("a x^2 + b x + c for every element.").gradient(gradient);
  for (const Shape& shape : {Shape{2, 3}, Shape{1}, Shape{0}})
    op.sample({shape}, {{"a", 0.5}, {"b", -2.0}, {"c", 1.0}});
  //]
}

}  // namespace mixnet::op::quadratic

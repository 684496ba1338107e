// Values changed forward while the gradient passes as it is (or scaled): round_ste and sign_ste (Bengio et al., 2013), gradientmultiplier.
#include "op/contrib/straight_through.h"

#include "op/core/builder.h"

namespace mixnet::op::straight_through {
namespace {

//[full
void pass(GradientContext& g) { g.set(0, g.output_grad(0)); }
void multiply(GradientContext& g) {
  g.set(0, g.make("_mul_scalar", {g.output_grad(0)}, {{"scalar", g.params<Params>().scalar}}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> round(registry, "_contrib_round_ste");
  round.input("data", "Any shape, float.").inplace(0, 0).kernel(forward<OnHost, true>);
  OpBuilder<> signs(registry, "_contrib_sign_ste");
  signs.input("data", "Any shape, float.").inplace(0, 0).kernel(forward<OnHost, false>);
  OpBuilder<Params> multiplier(registry, "_contrib_gradientmultiplier");
  multiplier.param("scalar", &Params::scalar).doc("Multiplies the gradient.");
  multiplier.param("is_int", &Params::is_int).doc("Accepted for MXNet's files.");
  multiplier.input("data", "Any shape and dtype.").inplace(0, 0).same_bytes(0, 0).kernel(copy<OnHost>);
  //[full
  round.doc("Rounds to whole numbers; the gradient passes unchanged, as through the identity.").gradient(pass);
  signs.doc("The sign of every element; the gradient passes unchanged, as through the identity.").gradient(pass);
  multiplier.doc("Passes data on and multiplies its gradient by scalar; a negative one reverses it.")
      .gradient(multiply);
  for (const Shape& shape : {Shape{2, 3}, Shape{1}, Shape{0}}) {
    round.sample({shape}).range(-3, 3).not_differentiable();
    signs.sample({shape}).not_differentiable();
    multiplier.sample({shape}, {{"scalar", -0.5}}).not_differentiable();
  }
  //]
}

}  // namespace mixnet::op::straight_through

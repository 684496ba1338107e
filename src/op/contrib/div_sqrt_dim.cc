// _contrib_div_sqrt_dim: data over the square root of its last extent, the scale of attention scores.
#include "op/contrib/div_sqrt_dim.h"

#include "op/core/builder.h"

namespace mixnet::op::div_sqrt_dim {
namespace {

void infer(InferShape& c) {
  c.expect_ndim(0, 1, Shape::max_ndim);
  c.all_same();
}

//[full
void gradient(GradientContext& g) { g.set(0, g.make("_contrib_div_sqrt_dim", {g.output_grad(0)})); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "_contrib_div_sqrt_dim");
  op.input("data", "At least one dimension, float.").inplace(0, 0).infer_shape(infer).kernel(forward<OnHost>);
  //[full
  op.doc("Divides by the square root of the last extent.").gradient(gradient);
  for (const Shape& shape : {Shape{2, 3}, Shape{1}, Shape{0, 2}}) op.sample({shape});
  //]
}

}  // namespace mixnet::op::div_sqrt_dim

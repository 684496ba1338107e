// _contrib_index_array: the index of every element.
#include "op/contrib/index_array.h"

#include "op/core/builder.h"

namespace mixnet::op::index_array {
namespace {

void infer(InferShape& c) {
  if (!c.in[0].ndim_known()) return;
  Shape out = c.in[0];
  out.push_back(static_cast<int64_t>(c.params<Params>().chosen(out.ndim(), c.place().c_str()).size()));
  c.set_out(0, out);
}
void infer_type(InferType& c) { c.set_out(0, DType::i64); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_index_array");
  op.param("axes", &Params::axes).doc("The axes whose indices are given, in this order; none means all.");
  op.input("data", "Gives the shape.")
      .shape_only({0})
      .infer_shape(infer)
      .infer_type(infer_type)
      .kernel(forward<OnHost>)
      .zero_gradient();
  //[full
  op.doc("The index of every element along each of the axes: data's shape with one more dimension, int64.");
  op.sample({{2, 3}});
  op.sample({{2, 3, 2}}, {{"axes", Shape{-1, 0}}});
  op.sample({{1}});
  op.sample({{0, 2}});
  //]
}

}  // namespace mixnet::op::index_array

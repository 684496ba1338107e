// _contrib_arange_like: as many evenly spaced numbers as another array has, altogether or along one axis.
#include "op/contrib/arange_like.h"

#include "op/core/builder.h"

namespace mixnet::op::arange_like {
namespace {

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  if (!p.axis) return c.set_out(0, c.in[0]);
  if (!c.in[0].ndim_known()) return;
  c.set_out(0, Shape{c.in[0][normalize_axis(*p.axis, c.in[0].ndim(), c.place().c_str())]});
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_arange_like");
  op.param("start", &Params::start).doc("The first number.");
  op.param("step", &Params::step).doc("The distance of two numbers.");
  op.param("repeat", &Params::repeat).range(1).doc("How often every number stands.");
  op.param("ctx", &Params::ctx).doc("Accepted for MXNet's files.");
  op.param("axis", &Params::axis).doc("Gives the numbers along this axis as a vector; none: an array of data's shape.");
  op.input("data", "Gives shape and dtype.").shape_only({0}).infer_shape(infer).kernel(forward<OnHost>).zero_gradient();
  //[full
  op.doc("start, start + step, ...: an array of data's shape, or a vector as long as data's axis.");
  op.sample({{2, 3}}, {{"start", 1.0}, {"step", 2.0}});
  op.sample({{2, 3}}, {{"axis", -1}, {"repeat", 2}});
  op.sample({{1}});
  op.sample({{0, 2}});
  //]
}

}  // namespace mixnet::op::arange_like

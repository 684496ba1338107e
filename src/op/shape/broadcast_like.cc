// broadcast_like: a tensor repeated to the shape of another, or along single axes to their extents.
#include "op/core/broadcast.h"
#include "op/core/builder.h"
#include "op/core/movement.h"

namespace mixnet::op::broadcast_like {
namespace {

struct Params {
  std::optional<Shape> lhs_axes, rhs_axes;
};

void forward(const Params&, const RunContext& r) {
  const Shape& out = r.out[0].shape;
  const auto so = row_major_strides(out), si = broadcast_strides(r.in[0].shape, out);
  StridedLoop<2> loop;
  for (int i = 0; i < out.ndim(); ++i) loop.add(out[i], {so[static_cast<size_t>(i)], si[static_cast<size_t>(i)]});
  copy_strided(r.context.stream, loop, r.out[0].data, r.in[0].data, dtype_size(r.out[0].dtype));
}

Shape whole_shape(const InferShape& c, const Shape& lhs, const Shape& rhs) {
  for (int i = 1; i <= lhs.ndim(); ++i) {
    const bool fits = i <= rhs.ndim() && (lhs[lhs.ndim() - i] == 1 || lhs[lhs.ndim() - i] == rhs[rhs.ndim() - i]);
    if (!fits) c.fail(Code::shape, concat("cannot broadcast ", lhs, " to ", rhs));
  }
  return rhs;
}
Shape axes_shape(const InferShape& c, const Shape& lhs, const Shape& rhs, const Params& p) {
  Shape out = lhs;
  const std::string place = c.place();
  for (int i = 0; i < p.lhs_axes->ndim(); ++i) {
    const int a = normalize_axis((*p.lhs_axes)[i], lhs.ndim(), place.c_str());
    const int b = normalize_axis((*p.rhs_axes)[i], rhs.ndim(), place.c_str());
    if (lhs[a] != 1 && lhs[a] != rhs[b])
      c.fail(Code::shape, concat("lhs: expected extent 1 or ", rhs[b], " on axis ", a, ", got ", lhs));
    out[a] = rhs[b];
  }
  return out;
}
void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const Shape &lhs = c.in[0], &rhs = c.in[1];
  if (lhs.known() && rhs.known()) c.set_out(0, p.lhs_axes ? axes_shape(c, lhs, rhs, p) : whole_shape(c, lhs, rhs));
}
void infer_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.in[1] == DType::unknown) c.in[1] = c.in[0];
}
void check(const Params& p) {
  MIXNET_CHECK(p.lhs_axes.has_value() == p.rhs_axes.has_value(), invalid, "rhs_axes: expected together with lhs_axes");
  if (!p.lhs_axes) return;
  MIXNET_CHECK(p.lhs_axes->ndim() > 0 && p.lhs_axes->ndim() == p.rhs_axes->ndim(), invalid,
               "rhs_axes: expected as many axes as ", *p.lhs_axes, ", got ", *p.rhs_axes);
}

//[full
void gradient(GradientContext& g) { g.set(0, g.make("_sum_to_like", {g.output_grad(0), g.input(0)})); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "broadcast_like");
  op.param("lhs_axes", &Params::lhs_axes).doc("Axes of lhs that are repeated; None for all, aligned at the last.");
  op.param("rhs_axes", &Params::rhs_axes).doc("The axis of rhs that gives the extent, for each of lhs_axes.");
  op.input("lhs", "Extents of 1 are repeated.").input("rhs", "Gives the extents.").shape_only({1}).check(check);
  op.infer_shape(infer).infer_type(infer_type).kernel(forward).gpu_kernel(forward);
  //[full
  op.doc("lhs repeated to the shape of rhs, or along lhs_axes to the extents of rhs_axes.").gradient(gradient);
  op.sample({{2, 1}, {2, 3}});
  op.sample({{1, 2, 1}, {4, 3}}, {{"lhs_axes", Shape{0, -1}}, {"rhs_axes", Shape{1, 0}}});
  op.sample({{1}, {2, 2}});
  op.sample({{0, 1}, {0, 2}});
  //]
}

}  // namespace mixnet::op::broadcast_like

// broadcast_to and broadcast_axis: axes of extent 1 repeated.
#include "op/core/broadcast.h"
#include "op/core/builder.h"
#include "op/core/movement.h"

namespace mixnet::op::broadcast_to {
namespace {

struct ToParams {
  Shape shape;
};
struct AxisParams {
  Shape axis, size;
};

template <class P>
void forward(const P&, const RunContext& r) {
  const Shape& out = r.out[0].shape;
  const auto so = row_major_strides(out), si = broadcast_strides(r.in[0].shape, out);
  StridedLoop<2> loop;
  for (int i = 0; i < out.ndim(); ++i) loop.add(out[i], {so[static_cast<size_t>(i)], si[static_cast<size_t>(i)]});
  copy_strided(r.context.stream, loop, r.out[0].data, r.in[0].data, dtype_size(r.out[0].dtype));
}
void check_fits(InferShape& c, const Shape& out) {
  const Shape& in = c.in[0];
  for (int i = 1; i <= in.ndim(); ++i) {
    if (i > out.ndim() || (in[in.ndim() - i] != 1 && in[in.ndim() - i] != out[out.ndim() - i]))
      c.fail(Code::shape, concat("cannot broadcast ", in, " to ", out));
  }
}
void infer_to(InferShape& c) {
  if (!c.in[0].known()) return;
  Shape out = c.params<ToParams>().shape;
  // 0 keeps the extent of data.
  for (int i = 0; i < out.ndim(); ++i) {
    const int k = i - (out.ndim() - c.in[0].ndim());
    if (out[i] == 0 && k >= 0) out[i] = c.in[0][k];
  }
  check_fits(c, out);
  c.set_out(0, out);
}
void infer_axis(InferShape& c) {
  const AxisParams& p = c.params<AxisParams>();
  if (!c.in[0].known()) return;
  if (p.axis.ndim() != p.size.ndim()) c.fail(Code::invalid, "axis and size: expected equally many numbers");
  Shape out = c.in[0];
  for (int i = 0; i < p.axis.ndim(); ++i) {
    const int a = normalize_axis(p.axis[i], out.ndim(), c.place().c_str());
    if (out[a] != 1) c.fail(Code::shape, concat("axis ", a, ": expected extent 1, got ", c.in[0]));
    out[a] = p.size[i];
  }
  c.set_out(0, out);
}
//[full
void sum_gradient(GradientContext& g) { g.set(0, g.make("_sum_to_like", {g.output_grad(0), g.input(0)})); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<ToParams> to(registry, "broadcast_to");
  to.param("shape", &ToParams::shape).doc("The output's shape; 0 keeps the extent of data.");
  to.input("data", "Extents of 1 are repeated.").infer_shape(infer_to);
  to.kernel(forward<ToParams>).gpu_kernel(forward<ToParams>);
  OpBuilder<AxisParams> axis(registry, "broadcast_axis");
  axis.alias("_broadcast");
  axis.alias("broadcast_axes");
  axis.param("axis", &AxisParams::axis).doc("Axes of extent 1 to repeat.");
  axis.param("size", &AxisParams::size).doc("Their extents in the output.");
  axis.input("data", "Any shape and dtype.").infer_shape(infer_axis);
  axis.kernel(forward<AxisParams>).gpu_kernel(forward<AxisParams>);
  //[full
  to.doc("data repeated to a shape.").gradient(sum_gradient);
  to.sample({{2, 1, 3}}, {{"shape", Shape{2, 4, 3}}});
  to.sample({{1}}, {{"shape", Shape{2, 2}}});
  to.sample({{0, 1}}, {{"shape", Shape{0, 2}}});
  axis.doc("data repeated along axes of extent 1.").gradient(sum_gradient);
  axis.sample({{2, 1, 3}}, {{"axis", Shape{1}}, {"size", Shape{4}}});
  axis.sample({{1}}, {{"axis", Shape{0}}, {"size", Shape{2}}});
  axis.sample({{0, 1}}, {{"axis", Shape{1}}, {"size", Shape{2}}});
  //]
}

}  // namespace mixnet::op::broadcast_to

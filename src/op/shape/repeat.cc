// repeat: every element several times in a row.
#include "op/core/movement.h"
#include "op/shape/fold.h"

namespace mixnet::op::repeat {
namespace {

struct Params {
  int64_t repeats = 1;
  std::optional<int64_t> axis;
};

// data as (outer, n, inner) around the axis; flat without one.
struct Split {
  int64_t outer = 1, n, inner = 1;
  Split(const Params& p, const Shape& s) : n(s.size()) {
    if (!p.axis) return;
    const int axis = normalize_axis(*p.axis, s.ndim(), "repeat");
    outer = s.size(0, axis);
    n = s[axis];
    inner = s.size(axis + 1, s.ndim());
  }
};

void forward(const Params& p, const RunContext& r) {
  const Split s(p, r.in[0].shape);
  StridedLoop<2> loop;
  loop.add(s.outer, {s.n * p.repeats * s.inner, s.n * s.inner});
  loop.add(s.n, {p.repeats * s.inner, s.inner});
  loop.add(p.repeats, {s.inner, 0});
  loop.add(s.inner, {1, 1});
  copy_strided(r.context.stream, loop, r.out[0].data, r.in[0].data, dtype_size(r.out[0].dtype));
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const Shape& in = c.in[0];
  auto times = [&](int64_t extent) {
    if (extent < 0) return extent;
    int64_t product;
    if (__builtin_mul_overflow(extent, p.repeats, &product))
      c.fail(Code::invalid, concat("repeats: too large, ", p.repeats));
    return product;
  };
  if (!in.ndim_known()) return;
  if (!p.axis) return c.set_out(0, Shape{in.known() ? times(in.size()) : -1});
  Shape out = in;
  int64_t& extent = out[normalize_axis(*p.axis, out.ndim(), c.place().c_str())];
  extent = times(extent);
  c.set_out(0, out);
}

//[full
void backward(const Params& p, const RunContext& r) {
  const Split s(p, r.out[0].shape);
  Fold fold;
  fold.copies.add(p.repeats, {s.inner});
  fold.kept.add(s.outer, {s.n * s.inner, s.n * p.repeats * s.inner});
  fold.kept.add(s.n, {s.inner, p.repeats * s.inner});
  fold.kept.add(s.inner, {1, 1});
  fold.run(r.context.stream, r.in[0], r.out[0]);
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
void gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_repeat", {g.output_grad(0), g.input(0)})[0]); }
//]

void add_params(OpBuilder<Params>& op) {
  op.param("repeats", &Params::repeats).required().range(0).doc("Copies of every element, side by side.");
  op.param("axis", &Params::axis).doc("The axis; None flattens first.");
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "repeat");
  add_params(op);
  op.input("data", "Any shape and dtype.").infer_shape(infer).kernel(forward).gpu_kernel(forward);
  //[full
  op.doc("Every element repeats times, along an axis or of the flattened data.").gradient(gradient);
  op.sample({{2, 3}}, {{"repeats", 2}});
  op.sample({{2, 3}}, {{"repeats", 2}, {"axis", 0}});
  op.sample({{2, 2, 3}}, {{"repeats", 3}, {"axis", 1}});
  op.sample({{1}}, {{"repeats", 3}, {"axis", -1}});
  op.sample({{0, 2}}, {{"repeats", 2}, {"axis", 1}});
  op.sample({{2, 2}}, {{"repeats", 0}, {"axis", 1}});

  OpBuilder<Params> grad(registry, "_backward_repeat");
  add_params(grad);
  grad.hidden().input("output_grad").input("data").shape_only({1}).infer_shape(infer_backward);
  grad.kernel(backward).gpu_kernel(backward);
  grad.no_gradient("linear; use repeat for higher orders");
  //]
}

}  // namespace mixnet::op::repeat

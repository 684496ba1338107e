// tile: a tensor laid out side by side along its axes.
#include "op/core/movement.h"
#include "op/shape/fold.h"

namespace mixnet::op::tile {
namespace {

struct Params {
  Shape reps;
};

// Every axis of the output as (repetitions, extent).
template <class F>
void each_axis(const Shape& in, const Shape& out, F f) {
  const auto so = row_major_strides(out), si = row_major_strides(in);
  for (int i = 0; i < out.ndim(); ++i) {
    const int k = i - (out.ndim() - in.ndim());
    const int64_t extent = k >= 0 ? in[k] : 1;
    f(extent ? out[i] / extent : 0, extent, so[static_cast<size_t>(i)], k >= 0 ? si[static_cast<size_t>(k)] : 0);
  }
}
void forward(const Params&, const RunContext& r) {
  StridedLoop<2> loop;
  each_axis(r.in[0].shape, r.out[0].shape, [&](int64_t reps, int64_t extent, int64_t out, int64_t in) {
    loop.add(reps, {out * extent, 0});
    loop.add(extent, {out, in});
  });
  copy_strided(r.context.stream, loop, r.out[0].data, r.in[0].data, dtype_size(r.out[0].dtype));
}

void infer(InferShape& c) {
  const Shape &reps = c.params<Params>().reps, &in = c.in[0];
  if (!in.ndim_known()) return;
  Shape out = Shape::filled(std::max(reps.ndim(), in.ndim()), 1);
  for (int i = 1; i <= out.ndim(); ++i) {
    const int64_t times = i <= reps.ndim() ? reps[reps.ndim() - i] : 1, extent = i <= in.ndim() ? in[in.ndim() - i] : 1;
    if (extent < 0) out[out.ndim() - i] = -1;
    else if (__builtin_mul_overflow(times, extent, &out[out.ndim() - i]))
      c.fail(Code::invalid, concat("reps: too large, ", reps));
  }
  c.set_out(0, out);
}

//[full
void backward(const Params&, const RunContext& r) {
  Fold fold;
  each_axis(r.out[0].shape, r.in[0].shape, [&](int64_t reps, int64_t extent, int64_t out, int64_t in) {
    fold.copies.add(reps, {out * extent});
    fold.kept.add(extent, {in, out});
  });
  fold.run(r.context.stream, r.in[0], r.out[0]);
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
void gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_tile", {g.output_grad(0), g.input(0)})[0]); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "tile");
  op.param("reps", &Params::reps).required().range(0).doc("Repetitions per axis, aligned at the last.");
  op.input("data", "Any shape and dtype.").infer_shape(infer).kernel(forward).gpu_kernel(forward);
  //[full
  op.doc("data laid out side by side, reps times along each axis.").gradient(gradient);
  op.sample({{2, 3}}, {{"reps", Shape{2, 2}}});
  op.sample({{2}}, {{"reps", Shape{2, 1, 3}}});
  op.sample({{2, 1, 3}}, {{"reps", Shape{3}}});
  op.sample({{1}}, {{"reps", Shape{2}}});
  op.sample({{0, 2}}, {{"reps", Shape{1, 2}}});
  op.sample({{2, 2}}, {{"reps", Shape{0, 2}}});

  OpBuilder<Params> grad(registry, "_backward_tile");
  grad.param("reps", &Params::reps).required();
  grad.hidden().input("output_grad").input("data").shape_only({1}).infer_shape(infer_backward);
  grad.kernel(backward).gpu_kernel(backward);
  grad.no_gradient("linear; use tile for higher orders");
  //]
}

}  // namespace mixnet::op::tile

// Repeating a tensor: broadcast_to, broadcast_axis, broadcast_like, tile, repeat, reverse.
#include "op/core/broadcast.h"
#include "op/core/builder.h"

namespace mixnet::op::broadcast_to {
namespace {

struct ToParams {
  Shape shape;
};
struct AxisParams {
  Shape axis, size;
};
struct TileParams {
  Shape reps;
};
struct RepeatParams {
  int64_t repeats = 1;
  std::optional<int64_t> axis;
};
struct ReverseParams {
  Shape axis;
};

template <class P>
void forward(const P&, const RunContext& r) {
  const Shape& out = r.out[0].shape;
  const auto so = row_major_strides(out), si = broadcast_strides(r.in[0].shape, out);
  StridedLoop<2> loop;
  for (int i = 0; i < out.ndim(); ++i) loop.add(out[i], {so[static_cast<size_t>(i)], si[static_cast<size_t>(i)]});
  copy_strided(loop, r.out[0].data, r.in[0].data, dtype_size(r.out[0].dtype));
}
void check_fits(InferShape& c, const Shape& out) {
  const Shape& in = c.in[0];
  for (int i = 1; i <= in.ndim(); ++i) {
    if (i > out.ndim() || (in[in.ndim() - i] != 1 && in[in.ndim() - i] != out[out.ndim() - i])) c.fail(Code::shape, concat("cannot broadcast ", in, " to ", out));
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
void infer_like(InferShape& c) {
  if (!c.in[0].known() || !c.in[1].known()) return;
  check_fits(c, c.in[1]);
  c.set_out(0, c.in[1]);
}
void infer_like_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.in[1] == DType::unknown) c.in[1] = c.in[0];
}

void tile(const TileParams& p, const RunContext& r) {
  // Every axis becomes (repetitions, extent).
  const Shape &in = r.in[0].shape, &out = r.out[0].shape;
  const auto so = row_major_strides(out), si = row_major_strides(in);
  StridedLoop<2> loop;
  for (int i = 0; i < out.ndim(); ++i) {
    const int k = i - (out.ndim() - in.ndim());
    const int64_t extent = k >= 0 ? in[k] : 1;
    loop.add(extent ? out[i] / extent : 0, {so[static_cast<size_t>(i)] * extent, 0});
    if (k >= 0) loop.add(extent, {so[static_cast<size_t>(i)], si[static_cast<size_t>(k)]});
  }
  (void)p;
  copy_strided(loop, r.out[0].data, r.in[0].data, dtype_size(r.out[0].dtype));
}
void infer_tile(InferShape& c) {
  const Shape &reps = c.params<TileParams>().reps, &in = c.in[0];
  if (!in.known()) return;
  Shape out = Shape::filled(std::max(reps.ndim(), in.ndim()), 1);
  for (int i = 1; i <= out.ndim(); ++i) {
    out[out.ndim() - i] = (i <= reps.ndim() ? reps[reps.ndim() - i] : 1) * (i <= in.ndim() ? in[in.ndim() - i] : 1);
  }
  c.set_out(0, out);
}

void repeat(const RepeatParams& p, const RunContext& r) {
  const Shape& in = r.in[0].shape;
  const int axis = p.axis ? normalize_axis(*p.axis, in.ndim(), "repeat") : 0;
  const int64_t outer = p.axis ? in.size(0, axis) : 1, n = p.axis ? in[axis] : in.size(), inner = p.axis ? in.size(axis + 1, in.ndim()) : 1;
  StridedLoop<2> loop;
  loop.add(outer, {n * p.repeats * inner, n * inner});
  loop.add(n, {p.repeats * inner, inner});
  loop.add(p.repeats, {inner, 0});
  loop.add(inner, {1, 1});
  copy_strided(loop, r.out[0].data, r.in[0].data, dtype_size(r.out[0].dtype));
}
void infer_repeat(InferShape& c) {
  const RepeatParams& p = c.params<RepeatParams>();
  if (!c.in[0].known()) return;
  if (!p.axis) return c.set_out(0, Shape{c.in[0].size() * p.repeats});
  Shape out = c.in[0];
  out[normalize_axis(*p.axis, out.ndim(), c.place().c_str())] *= p.repeats;
  c.set_out(0, out);
}

void reverse(const ReverseParams& p, const RunContext& r) {
  const Shape& in = r.in[0].shape;
  if (in.size() == 0) return;
  const auto strides = row_major_strides(in);
  int64_t step[Shape::max_ndim], offset = 0;
  for (int i = 0; i < in.ndim(); ++i) step[i] = strides[static_cast<size_t>(i)];
  for (int64_t a : p.axis) {
    const int i = normalize_axis(a, in.ndim(), "reverse");
    offset += (in[i] - 1) * strides[static_cast<size_t>(i)];
    step[i] = -strides[static_cast<size_t>(i)];
  }
  StridedLoop<2> loop;
  for (int i = 0; i < in.ndim(); ++i) loop.add(in[i], {strides[static_cast<size_t>(i)], step[i]});
  const int64_t item = dtype_size(r.in[0].dtype);
  copy_strided(loop, r.out[0].data, r.in[0].as<char>() + offset * item, item);
}
void infer_reverse(InferShape& c) {
  c.all_same();
  for (int64_t a : c.params<ReverseParams>().axis) if (c.in[0].ndim_known()) normalize_axis(a, c.in[0].ndim(), c.place().c_str());
}

//[full
void sum_gradient(GradientContext& g) { g.set(0, g.make("_sum_to_like", {g.output_grad(0), g.input(0)})); }
void reverse_gradient(GradientContext& g) { g.set(0, g.make("reverse", {g.output_grad(0)}, {{"axis", g.params<ReverseParams>().axis}})); }
// Every copy's gradient is added to its origin.
void tile_back(const TileParams&, const RunContext& r) {
  const Shape &in = r.out[0].shape, &out = r.in[0].shape;
  dispatch_all(r.in[0].dtype, "tile", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    std::vector<A> sums(static_cast<size_t>(in.size()), A(0));
    for (int64_t i = 0; i < out.size(); ++i) {
      int64_t rest = i, at = 0, stride = 1;
      for (int d = out.ndim() - 1; d >= 0; --d) {
        const int k = d - (out.ndim() - in.ndim());
        if (k >= 0) {
          at += rest % out[d] % in[k] * stride;
          stride *= in[k];
        }
        rest /= out[d];
      }
      sums[static_cast<size_t>(at)] += static_cast<A>(r.in[0].as<T>()[i]);
    }
    for (size_t i = 0; i < sums.size(); ++i) r.out[0].as<T>()[i] = static_cast<T>(sums[i]);
  });
}
void repeat_back(const RepeatParams& p, const RunContext& r) {
  const Shape& in = r.out[0].shape;
  const int axis = p.axis ? normalize_axis(*p.axis, in.ndim(), "repeat") : 0;
  const int64_t inner = p.axis ? in.size(axis + 1, in.ndim()) : 1;
  dispatch_all(r.in[0].dtype, "repeat", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < in.size(); ++i) {
      accumulator_t<T> sum = 0;
      for (int64_t k = 0; k < p.repeats; ++k) sum += static_cast<accumulator_t<T>>(r.in[0].as<T>()[(i / inner * p.repeats + k) * inner + i % inner]);
      r.out[0].as<T>()[i] = static_cast<T>(sum);
    }
  });
}
void infer_back(InferShape& c) { c.set_out(0, c.in[1]); }
void tile_gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_tile", {g.output_grad(0), g.input(0)})[0]); }
void repeat_gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_repeat", {g.output_grad(0), g.input(0)})[0]); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<ToParams> to(registry, "broadcast_to");
  to.param("shape", &ToParams::shape).doc("The output's shape; 0 keeps the extent of data.");
  to.input("data", "Extents of 1 are repeated.").infer_shape(infer_to).kernel(forward<ToParams>);
  OpBuilder<AxisParams> axis(registry, "broadcast_axis");
  axis.alias("broadcast_axes");
  axis.param("axis", &AxisParams::axis).doc("Axes of extent 1 to repeat.");
  axis.param("size", &AxisParams::size).doc("Their extents in the output.");
  axis.input("data", "Any shape and dtype.").infer_shape(infer_axis).kernel(forward<AxisParams>);
  OpBuilder<> like(registry, "broadcast_like");
  like.input("lhs", "Extents of 1 are repeated.").input("rhs", "Gives the shape.").shape_only({1}).infer_shape(infer_like).infer_type(infer_like_type).kernel(forward<NoParams>);
  OpBuilder<TileParams> tiles(registry, "tile");
  tiles.param("reps", &TileParams::reps).required().range(0).doc("Repetitions per axis, aligned at the last.");
  tiles.input("data", "Any shape and dtype.").infer_shape(infer_tile).kernel(tile);
  OpBuilder<RepeatParams> repeats(registry, "repeat");
  repeats.param("repeats", &RepeatParams::repeats).required().range(0).doc("Copies of every element, side by side.");
  repeats.param("axis", &RepeatParams::axis).doc("The axis; None flattens first.");
  repeats.input("data", "Any shape and dtype.").infer_shape(infer_repeat).kernel(repeat);
  OpBuilder<ReverseParams> flip(registry, "reverse");
  flip.alias("flip");
  flip.param("axis", &ReverseParams::axis).required().doc("Axes to run backwards.");
  flip.input("data", "Any shape and dtype.").infer_shape(infer_reverse).kernel(reverse);
  //[full
  to.doc("data repeated to a shape.").gradient(sum_gradient);
  to.sample({{2, 1, 3}}, {{"shape", Shape{2, 4, 3}}});
  to.sample({{1}}, {{"shape", Shape{2, 2}}});
  to.sample({{0, 1}}, {{"shape", Shape{0, 2}}});
  axis.doc("data repeated along axes of extent 1.").gradient(sum_gradient);
  axis.sample({{2, 1, 3}}, {{"axis", Shape{1}}, {"size", Shape{4}}});
  axis.sample({{1}}, {{"axis", Shape{0}}, {"size", Shape{2}}});
  axis.sample({{0, 1}}, {{"axis", Shape{1}}, {"size", Shape{2}}});
  like.doc("lhs repeated to the shape of rhs.").gradient(sum_gradient);
  like.sample({{2, 1}, {2, 3}});
  like.sample({{1}, {2, 2}});
  like.sample({{0, 1}, {0, 2}});
  tiles.doc("data laid out side by side reps times.").gradient(tile_gradient);
  tiles.sample({{2, 3}}, {{"reps", Shape{2, 2}}});
  tiles.sample({{2}}, {{"reps", Shape{2, 1, 3}}});
  tiles.sample({{1}}, {{"reps", Shape{2}}});
  tiles.sample({{0, 2}}, {{"reps", Shape{1, 2}}});
  repeats.doc("Every element repeated in place.").gradient(repeat_gradient);
  repeats.sample({{2, 3}}, {{"repeats", 2}});
  repeats.sample({{2, 3}}, {{"repeats", 2}, {"axis", 0}});
  repeats.sample({{1}}, {{"repeats", 3}, {"axis", -1}});
  repeats.sample({{0, 2}}, {{"repeats", 2}, {"axis", 1}});
  flip.doc("data backwards along axes.").gradient(reverse_gradient);
  flip.sample({{2, 3, 2}}, {{"axis", Shape{0, 2}}});
  flip.sample({{1}}, {{"axis", Shape{0}}});
  flip.sample({{0, 2}}, {{"axis", Shape{1}}});

  OpBuilder<TileParams> tile_grad(registry, "_backward_tile");
  tile_grad.param("reps", &TileParams::reps).required();
  tile_grad.hidden().input("output_grad").input("data").shape_only({1}).infer_shape(infer_back).kernel(tile_back).no_gradient("linear; use tile for higher orders");
  OpBuilder<RepeatParams> repeat_grad(registry, "_backward_repeat");
  repeat_grad.param("repeats", &RepeatParams::repeats).required();
  repeat_grad.param("axis", &RepeatParams::axis);
  repeat_grad.hidden().input("output_grad").input("data").shape_only({1}).infer_shape(infer_back).kernel(repeat_back).no_gradient("linear; use repeat for higher orders");
  //]
}

}  // namespace mixnet::op::broadcast_to

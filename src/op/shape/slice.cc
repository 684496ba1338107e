// Parts of a tensor: slice, slice_axis, slice_like, and assignment to them (_slice_assign, _slice_assign_scalar).
#include "op/shape/slice.h"

#include <cstring>

#include "op/core/builder.h"
#include "op/core/movement.h"

namespace mixnet::op::slice {
namespace {

struct AxisParams {
  int64_t axis = 0, begin = 0;
  std::optional<int64_t> end;
};
struct LikeParams {
  Shape axes;
};

Box box_of(const AxisParams& p, const Shape& in, const char* place) {
  Params all;
  all.begin.resize(static_cast<size_t>(in.ndim()));
  all.end.resize(static_cast<size_t>(in.ndim()));
  const size_t axis = static_cast<size_t>(normalize_axis(p.axis, in.ndim(), place));
  const int64_t n = in[static_cast<int>(axis)], last = p.end.value_or(n);
  const int64_t begin = p.begin < 0 ? p.begin + n : p.begin, end = last < 0 ? last + n : last;
  MIXNET_CHECK(begin >= 0 && begin <= end && end <= n, invalid, "[", place, "] begin, end: expected a part of [0, ", n,
               "), got [", begin, ", ", end, ")");
  all.begin[axis] = begin;
  all.end[axis] = end;
  return box_of(all, in, place);
}

void take_box(const Box& box, Stream* stream, const TensorView& whole, const TensorView& part) {
  if (part.size() == 0) return;
  int64_t offset;
  const StridedLoop<2> loop = box_loop(box, whole.shape, &offset);
  const int64_t item = dtype_size(whole.dtype);
  copy_strided(stream, loop, part.data, whole.as<char>() + offset * item, item);
}
void put_box(const Box& box, Stream* stream, const TensorView& whole, const TensorView& part) {
  if (part.size() == 0) return;
  const auto inner = row_major_strides(box.extent), all = row_major_strides(whole.shape);
  StridedLoop<2> loop;
  int64_t offset = 0;
  for (int i = 0; i < whole.ndim(); ++i) {
    const size_t d = static_cast<size_t>(i);
    loop.add(box.extent[i], {all[d] * box.step[i], inner[d]});
    offset += all[d] * box.first[i];
  }
  const int64_t item = dtype_size(whole.dtype);
  copy_strided(stream, loop, whole.as<char>() + offset * item, part.data, item);
}

template <class P>
void forward(const P& p, const RunContext& r) {
  take_box(box_of(p, r.in[0].shape, "slice"), r.context.stream, r.in[0], r.out[0]);
}
template <class P>
void infer(InferShape& c) {
  if (c.in[0].known()) c.set_out(0, box_of(c.params<P>(), c.in[0], c.place().c_str()).extent);
}

AxisPieces axis_piece(const AxisParams& p, const Shape& whole) {
  const int axis = normalize_axis(p.axis, whole.ndim(), "slice_axis");
  return {axis, box_of(p, whole, "slice_axis").first[axis]};
}

Box like_box(const LikeParams& p, const Shape& in, const Shape& like) {
  MIXNET_CHECK(p.axes.ndim() > 0 || in.ndim() == like.ndim(), shape, "[slice_like] shape_like: expected ", in.ndim(),
               " dimensions, got ", like);
  Box box;
  for (int i = 0; i < in.ndim(); ++i) {
    bool cut = p.axes.ndim() == 0 && i < like.ndim();
    for (int64_t a : p.axes) cut = cut || normalize_axis(a, in.ndim(), "slice_like") == i;
    MIXNET_CHECK(!cut || (i < like.ndim() && like[i] <= in[i]), shape, "[slice_like] expected at most ", in, ", got ",
                 like);
    box.first.push_back(0);
    box.step.push_back(1);
    box.extent.push_back(cut ? like[i] : in[i]);
  }
  return box;
}
void forward_like(const LikeParams& p, const RunContext& r) {
  take_box(like_box(p, r.in[0].shape, r.in[1].shape), r.context.stream, r.in[0], r.out[0]);
}
void infer_slice_like(InferShape& c) {
  if (c.in[0].known() && c.in[1].known()) c.set_out(0, like_box(c.params<LikeParams>(), c.in[0], c.in[1]).extent);
}

void copy_whole(const RunContext& r) { copy_bytes(r.context.stream, r.out[0].data, r.in[0].data, r.in[0].bytes()); }
void assign(const Params& p, const RunContext& r) {
  copy_whole(r);
  put_box(box_of(p, r.in[0].shape, "_slice_assign"), r.context.stream, r.out[0], r.in[1]);
}
void infer_assign(InferShape& c) {
  c.set_out(0, c.in[0]);
  if (c.in[0].known()) c.set_in(1, box_of(c.params<Params>(), c.in[0], c.place().c_str()).extent);
}
void assign_scalar(const AssignScalarParams& p, const RunContext& r) {
  copy_whole(r);
  const Box box = box_of(p, r.in[0].shape, "_slice_assign_scalar");
  if (box.extent.size() == 0) return;
  int64_t offset;
  const StridedLoop<2> loop = box_loop(box, r.out[0].shape, &offset);
  dispatch_all(r.out[0].dtype, "_slice_assign_scalar", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* out = r.out[0].as<T>() + offset;
    const T value = static_cast<T>(static_cast<accumulator_t<T>>(p.scalar));
    loop.run([=](const auto& at, int64_t n, const auto& stride) {
      for (int64_t i = 0; i < n; ++i) out[at[1] + i * stride[1]] = value;
    });
  });
}

//[full
// A box of a csr matrix is one too.
bool choose(InferStorage& c) {
  for (const auto& step : c.params<Params>().step) {
    if (step.value_or(1) != 1) return false;
  }
  c.prefer_out(0, c.in[0]);
  return c.in[0] == StorageKind::csr && c.out[0] == StorageKind::csr;
}
void slice_csr(const Params& p, const RunContext& r) {
  const Box box = box_of(p, r.in[0].shape, "slice");
  const SparseView& from = *r.in[0].sparse;
  const int64_t first = box.first[0], rows = box.extent[0], left = box.first[1], right = left + box.extent[1];
  auto inside = [&](int64_t k) { return from.indices[k] >= left && from.indices[k] < right; };
  int64_t count = 0;
  for (int64_t k = from.indptr[first]; k < from.indptr[first + rows]; ++k) count += inside(k);
  const SparseView& to = r.context.memory->sparse(0, count);
  const int64_t item = dtype_size(r.in[0].dtype);
  int64_t n = 0;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t k = from.indptr[first + i]; k < from.indptr[first + i + 1]; ++k) {
      if (!inside(k)) continue;
      to.indices[n] = from.indices[k] - left;
      std::memcpy(to.as<char>() + n++ * item, from.as<char>() + k * item, static_cast<size_t>(item));
    }
    to.indptr[i + 1] = n;
  }
}
// Zeros with the gradient in the box.
template <class P>
void put_back(const P& p, const RunContext& r) {
  set_zero(r.context.stream, r.out[0]);
  put_box(box_of(p, r.out[0].shape, "slice"), r.context.stream, r.out[0], r.in[0]);
}
void put_back_like(const LikeParams& p, const RunContext& r) {
  set_zero(r.context.stream, r.out[0]);
  put_box(like_box(p, r.out[0].shape, r.in[0].shape), r.context.stream, r.out[0], r.in[0]);
}
void infer_back(InferShape& c) { c.set_out(0, c.in[1]); }
void slice_gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_slice", {g.output_grad(0), g.input(0)})[0]);
}
void axis_gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_slice_axis", {g.output_grad(0), g.input(0)})[0]);
}
void like_gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_slice_like", {g.output_grad(0), g.input(0)})[0]);
}
Attributes box_attributes(const Params& p) {
  return {{"begin", ParamType<OptionalTuple>::to(p.begin)},
          {"end", ParamType<OptionalTuple>::to(p.end)},
          {"step", ParamType<OptionalTuple>::to(p.step)}};
}
void slice_second(GradientContext& g) { g.set(0, g.make_backward("slice", {g.output_grad(0)})[0]); }
void axis_second(GradientContext& g) { g.set(0, g.make_backward("slice_axis", {g.output_grad(0)})[0]); }
void assign_gradient(GradientContext& g) {
  Attributes zero = box_attributes(g.params<Params>());
  zero.emplace_back("scalar", 0.0);
  if (g.wants(0)) g.set(0, g.make("_slice_assign_scalar", {g.output_grad(0)}, zero));
  if (g.wants(1)) g.set(1, g.make("slice", {g.output_grad(0)}, box_attributes(g.params<Params>())));
}
void assign_scalar_gradient(GradientContext& g) {
  Attributes zero = box_attributes(g.params<AssignScalarParams>());
  zero.emplace_back("scalar", 0.0);
  g.set(0, g.make("_slice_assign_scalar", {g.output_grad(0)}, zero));
}
//]

template <class P>
void add_box_params(OpBuilder<P>& op) {
  op.param("begin", &P::begin).required().doc("First element per axis; None for the start.");
  op.param("end", &P::end).required().doc("Element after the last per axis; None for the end.");
  op.param("step", &P::step).doc("Step per axis; 1 when left out, negative runs backwards.");
}
void add_axis_params(OpBuilder<AxisParams>& op) {
  op.param("axis", &AxisParams::axis).required().doc("The axis that is cut.");
  op.param("begin", &AxisParams::begin).required().doc("First element, negative from the end.");
  op.param("end", &AxisParams::end).required().doc("Element after the last; None for the end.");
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "slice");
  op.alias("crop");
  add_box_params(op);
  op.input("data", "Any shape and dtype.").infer_shape(infer<Params>);
  op.kernel(forward<Params>).gpu_kernel(forward<Params>);
  OpBuilder<AxisParams> axis(registry, "slice_axis");
  add_axis_params(axis);
  axis.input("data", "Any shape and dtype.")
      .infer_shape(infer<AxisParams>)
      .cuts(axis_piece)
      .kernel(forward<AxisParams>)
      .gpu_kernel(forward<AxisParams>);
  OpBuilder<LikeParams> like(registry, "slice_like");
  like.param("axes", &LikeParams::axes).doc("Axes cut to the extents of shape_like; all when empty.");
  like.input("data", "Any shape and dtype.")
      .input("shape_like", "Gives the extents.")
      .shape_only({1})
      .infer_shape(infer_slice_like)
      .kernel(forward_like)
      .gpu_kernel(forward_like);
  OpBuilder<Params> put(registry, "_slice_assign");
  put.alias("_crop_assign");
  add_box_params(put);
  put.input("lhs", "The whole.")
      .input("rhs", "The part, of the slice's shape.")
      .inplace(0, 0)
      .infer_shape(infer_assign)
      .kernel(assign)
      .gpu_kernel(assign);
  OpBuilder<AssignScalarParams> fill(registry, "_slice_assign_scalar");
  fill.alias("_crop_assign_scalar");
  fill.param("scalar", &AssignScalarParams::scalar).doc("The value.");
  add_box_params(fill);
  fill.input("data", "The whole.").inplace(0, 0).kernel(assign_scalar);
  //[full
  op.doc("A box of data, as Python's slices take it.").gradient(slice_gradient).sparse(choose, slice_csr);
  op.sample({{3, 4, 2}}, {{"begin", Shape{1, 0}}, {"end", Shape{3, 3}}});
  op.sample({{5, 4}}, {{"begin", "(None, -1)"}, {"end", "(None, None)"}, {"step", "(2, -2)"}});
  op.sample({{1}}, {{"begin", Shape{0}}, {"end", Shape{1}}});
  op.sample({{0, 2}}, {{"begin", Shape{0}}, {"end", Shape{0}}});
  axis.doc("Elements [begin, end) along one axis.").gradient(axis_gradient);
  axis.sample({{3, 4}}, {{"axis", 1}, {"begin", 1}, {"end", 3}});
  axis.sample({{3, 4}}, {{"axis", -1}, {"begin", -2}, {"end", "None"}});
  axis.sample({{1}}, {{"axis", 0}, {"begin", 0}, {"end", 1}});
  axis.sample({{0, 3}}, {{"axis", 1}, {"begin", 0}, {"end", 2}});
  like.doc("The first elements of data, as many as shape_like has.").gradient(like_gradient);
  like.sample({{3, 4}, {2, 3}});
  like.sample({{3, 4}, {2, 2}}, {{"axes", Shape{-1}}});
  like.sample({{1}, {1}});
  like.sample({{0, 3}, {0, 2}});
  put.doc("lhs with a box replaced by rhs.").gradient(assign_gradient);
  put.sample({{3, 4}, {2, 2}}, {{"begin", Shape{1, 0}}, {"end", Shape{3, 4}}, {"step", Shape{1, 2}}});
  put.sample({{1}, {1}}, {{"begin", Shape{0}}, {"end", Shape{1}}});
  put.sample({{2}, {0}}, {{"begin", Shape{0}}, {"end", Shape{0}}});
  fill.doc("data with a box set to a number.").gradient(assign_scalar_gradient);
  fill.sample({{3, 4}}, {{"scalar", 2.0}, {"begin", Shape{1}}, {"end", Shape{3}}});
  fill.sample({{1}}, {{"begin", Shape{0}}, {"end", Shape{1}}});
  fill.sample({{0}}, {{"begin", Shape{0}}, {"end", Shape{0}}});

  OpBuilder<Params> op_back(registry, "_backward_slice");
  add_box_params(op_back);
  op_back.hidden()
      .input("output_grad")
      .input("data")
      .shape_only({1})
      .infer_shape(infer_back)
      .kernel(put_back<Params>)
      .gpu_kernel(put_back<Params>)
      .gradient(slice_second);
  OpBuilder<AxisParams> axis_back(registry, "_backward_slice_axis");
  add_axis_params(axis_back);
  axis_back.hidden()
      .input("output_grad")
      .input("data")
      .shape_only({1})
      .infer_shape(infer_back)
      .kernel(put_back<AxisParams>)
      .gpu_kernel(put_back<AxisParams>)
      .gradient(axis_second);
  OpBuilder<LikeParams> like_back(registry, "_backward_slice_like");
  like_back.param("axes", &LikeParams::axes);
  like_back.hidden()
      .input("output_grad")
      .input("data")
      .shape_only({1})
      .infer_shape(infer_back)
      .kernel(put_back_like)
      .gpu_kernel(put_back_like)
      .no_gradient("linear; use slice_like for higher orders");
  //]
}

}  // namespace mixnet::op::slice

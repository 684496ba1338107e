// Concat and stack, and their inverse SliceChannel (split).
#include "op/shape/concatenate.h"

#include <cstring>

#include "op/core/builder.h"
#include "op/core/max_parts.h"
#include "op/core/movement.h"

namespace mixnet::op::concatenate {
namespace {

struct StackParams {
  int64_t num_args = 1, axis = 0;
};
struct SplitParams {
  int64_t num_outputs = 1, axis = 1;
  bool squeeze_axis = false;
};

// Copies between one tensor cut into parts along an axis and the parts: `rows` rows, of which each part has its share.
template <bool Join>
void move_rows(Stream* stream, char* whole, Span<const TensorView> parts, int64_t rows) {
  if (rows == 0) return;
  int64_t total = 0, at = 0;
  for (const TensorView& part : parts) total += part.bytes() / rows;
  for (const TensorView& part : parts) {
    const int64_t width = part.bytes() / rows;
    char *data = part.as<char>(), *first_row = whole + at;
    at += width;
    if (!data || width == 0) continue;
    if (stream) {
      const int64_t item = dtype_size(part.dtype), out = Join ? total : width, in = Join ? width : total;
      StridedLoop<2> loop;
      loop.add(rows, {out / item, in / item});
      loop.add(width / item, {1, 1});
      copy_strided(stream, loop, Join ? first_row : data, Join ? data : first_row, item);
      continue;
    }
    parallel_for(rows, std::max<int64_t>(1, 65536 / width), [=](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        char *outside = first_row + i * total, *inside = data + i * width;
        std::memcpy(Join ? outside : inside, Join ? inside : outside, static_cast<size_t>(width));
      }
    });
  }
}

void forward(const Params& p, const RunContext& r) {
  const Shape& out = r.out[0].shape;
  move_rows<true>(r.context.stream, r.out[0].as<char>(), r.in,
                  out.size(0, normalize_axis(p.dim, out.ndim(), "Concat")));
}
void stack(const StackParams& p, const RunContext& r) {
  const Shape& out = r.out[0].shape;
  move_rows<true>(r.context.stream, r.out[0].as<char>(), r.in,
                  out.size(0, normalize_axis(p.axis, out.ndim(), "stack")));
}
void split(const SplitParams& p, const RunContext& r) {
  const Shape& in = r.in[0].shape;
  move_rows<false>(r.context.stream, r.in[0].as<char>(), r.out,
                   in.size(0, normalize_axis(p.axis, in.ndim(), "SliceChannel")));
}

AxisPieces pieces(const Params& p, const Shape& whole) { return {normalize_axis(p.dim, whole.ndim(), "Concat")}; }
AxisPieces stacked_pieces(const StackParams& p, const Shape& whole) {
  return {normalize_axis(p.axis, whole.ndim(), "stack")};
}
AxisPieces split_pieces(const SplitParams& p, const Shape& whole) {
  return {normalize_axis(p.axis, whole.ndim(), "SliceChannel")};
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  int ndim = -1;
  for (const Shape& s : c.in) ndim = std::max(ndim, s.ndim());
  if (ndim < 0) return;
  const int axis = normalize_axis(p.dim, ndim, c.place().c_str());
  // All extents but the one along the axis are common.
  Shape common = Shape::filled(ndim, -1);
  int64_t total = 0;
  for (int i = 0; i < c.num_inputs(); ++i) {
    Shape s = c.in[static_cast<size_t>(i)];
    if (!s.ndim_known()) {
      total = -1;
      continue;
    }
    if (s.ndim() != ndim)
      c.fail(Code::shape, mixnet::concat(c.input_name(i), ": expected ", ndim, " dimensions, got ", s));
    total = total < 0 || s[axis] < 0 ? -1 : total + s[axis];
    s[axis] = -1;
    if (!common.merge(s))
      c.fail(Code::shape, mixnet::concat(c.input_name(i), ": expected ", common, " but along axis ", axis, ", got ",
                                         c.in[static_cast<size_t>(i)]));
  }
  for (int i = 0; i < c.num_inputs(); ++i) c.set_in(i, common);
  common[axis] = total;
  c.set_out(0, common);
}
void infer_stack(InferShape& c) {
  Shape common = Shape::unknown();
  for (int i = 0; i < c.num_inputs(); ++i) {
    if (!common.merge(c.in[static_cast<size_t>(i)]))
      c.fail(Code::shape,
             mixnet::concat(c.input_name(i), ": expected ", common, ", got ", c.in[static_cast<size_t>(i)]));
  }
  if (!common.ndim_known()) return;
  for (int i = 0; i < c.num_inputs(); ++i) c.set_in(i, common);
  const int axis = normalize_axis(c.params<StackParams>().axis, common.ndim() + 1, c.place().c_str());
  Shape out;
  for (int i = 0; i <= common.ndim(); ++i) {
    if (i == axis) out.push_back(c.params<StackParams>().num_args);
    if (i < common.ndim()) out.push_back(common[i]);
  }
  c.set_out(0, out);
}
void infer_split(InferShape& c) {
  const SplitParams& p = c.params<SplitParams>();
  if (!c.in[0].ndim_known()) return;
  const int axis = normalize_axis(p.axis, c.in[0].ndim(), c.place().c_str());
  const int64_t extent = c.in[0][axis];
  if (extent >= 0 && extent % p.num_outputs != 0)
    c.fail(Code::shape,
           mixnet::concat("data: expected a multiple of ", p.num_outputs, " along axis ", axis, ", got ", c.in[0]));
  if (p.squeeze_axis && extent >= 0 && extent != p.num_outputs)
    c.fail(Code::shape,
           mixnet::concat("squeeze_axis: expected extent ", p.num_outputs, " along axis ", axis, ", got ", c.in[0]));
  Shape part;
  for (int i = 0; i < c.in[0].ndim(); ++i) {
    if (i == axis && p.squeeze_axis) continue;
    part.push_back(i == axis ? (extent < 0 ? -1 : extent / p.num_outputs) : c.in[0][i]);
  }
  for (size_t i = 0; i < c.out.size(); ++i) c.set_out(static_cast<int>(i), part);
}
std::vector<std::string> split_outputs(const SplitParams& p) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < p.num_outputs; ++i)
    names.push_back(p.num_outputs == 1 ? "output" : "output" + std::to_string(i));
  return names;
}

//[full
void concat_backward(const Params& p, const RunContext& r) {
  const Shape& whole = r.in[0].shape;
  move_rows<false>(r.context.stream, r.in[0].as<char>(), r.out,
                   whole.size(0, normalize_axis(p.dim, whole.ndim(), "Concat")));
}
void infer_concat_backward(InferShape& c) {
  for (size_t i = 0; i < c.out.size(); ++i) c.set_out(static_cast<int>(i), c.in[i + 1]);
}
std::vector<std::string> concat_gradients(const Params& p) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < p.num_args; ++i) names.push_back("arg" + std::to_string(i));
  return names;
}
std::vector<std::string> concat_backward_inputs(const Params& p) {
  std::vector<std::string> names = concat_gradients(p);
  names.insert(names.begin(), "output_grad");
  return names;
}
void concat_gradient(GradientContext& g) {
  std::vector<Entry> in{g.output_grad(0)};
  for (int i = 0; i < g.num_inputs(); ++i) in.push_back(g.input(i));
  const auto grads = g.make_backward("_backward_Concat", std::move(in));
  for (int i = 0; i < g.num_inputs(); ++i) g.set(i, grads[static_cast<size_t>(i)]);
}
void concat_second(GradientContext& g) {
  std::vector<Entry> grads;
  for (int64_t i = 0; i < g.params<Params>().num_args; ++i) grads.push_back(g.output_grad(static_cast<int>(i)));
  g.set(0, g.make_backward("Concat", std::move(grads))[0]);
}
void stack_gradient(GradientContext& g) {
  const auto grads =
      g.make_all("SliceChannel", {g.output_grad(0)},
                 {{"num_outputs", g.num_inputs()}, {"axis", g.params<StackParams>().axis}, {"squeeze_axis", true}});
  for (int i = 0; i < g.num_inputs(); ++i) g.set(i, grads[static_cast<size_t>(i)]);
}
void split_gradient(GradientContext& g) {
  const SplitParams& p = g.params<SplitParams>();
  std::vector<Entry> parts;
  for (int64_t i = 0; i < p.num_outputs; ++i) parts.push_back(g.output_grad(static_cast<int>(i)));
  if (p.squeeze_axis) g.set(0, g.make("stack", std::move(parts), {{"num_args", p.num_outputs}, {"axis", p.axis}}));
  else g.set(0, g.make("Concat", std::move(parts), {{"num_args", p.num_outputs}, {"dim", p.axis}}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "Concat");
  op.alias("concat").alias("_rnn_param_concat");
  op.param("num_args", &Params::num_args).range(1).doc("Number of inputs.");
  op.param("dim", &Params::dim).doc("The axis along which inputs are joined.");
  op.variadic("arg", "num_args", &Params::num_args).infer_shape(infer).joins(pieces);
  op.kernel(forward).gpu_kernel(forward);
  OpBuilder<StackParams> stacked(registry, "stack");
  stacked.param("num_args", &StackParams::num_args).range(1).doc("Number of inputs.");
  stacked.param("axis", &StackParams::axis).doc("Where the new axis stands in the output.");
  stacked.variadic("arg", "num_args", &StackParams::num_args)
      .infer_shape(infer_stack)
      .joins(stacked_pieces)
      .kernel(stack)
      .gpu_kernel(stack);
  OpBuilder<SplitParams> parts(registry, "SliceChannel");
  parts.alias("split");
  parts.param("num_outputs", &SplitParams::num_outputs).required().range(1, max_parts).doc("Number of equal parts.");
  parts.param("axis", &SplitParams::axis).doc("The axis that is cut.");
  parts.param("squeeze_axis", &SplitParams::squeeze_axis).doc("Drops the axis where parts have extent 1.");
  parts.input("data", "Any shape and dtype.")
      .output_names(split_outputs)
      .optional_outputs()
      .infer_shape(infer_split)
      .cuts(split_pieces)
      .kernel(split)
      .gpu_kernel(split);
  //[full
  op.doc("Joins inputs along an axis; all other extents are equal.").gradient(concat_gradient);
  op.sample({{2, 3}, {2, 1}, {2, 2}});
  op.sample({{2, 3}, {1, 3}}, {{"dim", 0}});
  op.sample({{1, 1}});
  op.sample({{0, 3}, {0, 2}});
  stacked.doc("Joins inputs of one shape along a new axis.").gradient(stack_gradient);
  stacked.sample({{2, 3}, {2, 3}});
  stacked.sample({{2, 3}, {2, 3}}, {{"axis", -1}});
  stacked.sample({{1}});
  stacked.sample({{0}, {0}});
  parts.doc("Cuts data into equal parts along an axis.").gradient(split_gradient);
  parts.sample({{2, 6}}, {{"num_outputs", 3}});
  parts.sample({{2, 3}}, {{"num_outputs", 3}, {"squeeze_axis", true}});
  parts.sample({{4, 2}}, {{"num_outputs", 2}, {"axis", 0}});
  parts.sample({{1}}, {{"num_outputs", 1}, {"axis", 0}});
  parts.sample({{0, 2}}, {{"num_outputs", 2}});

  OpBuilder<Params> grad(registry, "_backward_Concat");
  grad.param("num_args", &Params::num_args);
  grad.param("dim", &Params::dim);
  grad.hidden()
      .input("output_grad")
      .input("arg")
      .input_names(concat_backward_inputs)
      .output_names(concat_gradients)
      .optional_outputs();
  std::vector<int> shapes(64);
  for (int i = 0; i < 64; ++i) shapes[static_cast<size_t>(i)] = i + 1;
  grad.shape_only(shapes)
      .infer_shape(infer_concat_backward)
      .cuts(pieces)
      .kernel(concat_backward)
      .gpu_kernel(concat_backward)
      .gradient(concat_second);
  //]
}

}  // namespace mixnet::op::concatenate

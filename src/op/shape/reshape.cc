// The same elements under another shape: Reshape, Flatten, expand_dims, squeeze.
#include "op/core/builder.h"
#include "op/core/movement.h"

namespace mixnet::op::reshape {
namespace {

struct Params {
  Shape shape;
  bool reverse = false;
  Shape target_shape;  // MXNet before 0.9
  bool keep_highest = false;
};

template <class P>
void kernel(const P&, const RunContext& r) {
  copy_bytes(r.context.stream, r.out[0].data, r.in[0].data, r.out[0].bytes());
}

Shape reversed(const Shape& s) {
  Shape out;
  for (int i = s.ndim() - 1; i >= 0; --i) out.push_back(s[i]);
  return out;
}

// MXNet's codes: 0 keep, -1 infer, -2 copy the rest, -3 merge two, -4 split by the next two numbers.
Shape decode(const InferShape& c, const Shape& in, const Shape& codes) {
  Shape out;
  int at = 0, inferred = -1;
  auto need = [&](int count) {
    if (at + count > in.ndim())
      c.fail(Code::shape, concat("shape ", codes, " asks for more dimensions than data has: ", in));
  };
  for (int i = 0; i < codes.ndim(); ++i) {
    const int64_t code = codes[i];
    if (code == 0) {
      need(1);
      out.push_back(in[at++]);
    } else if (code == -1) {
      if (inferred >= 0) c.fail(Code::invalid, concat("shape: expected at most one -1, got ", codes));
      inferred = out.ndim();
      out.push_back(1);
      ++at;
    } else if (code == -2) {
      while (at < in.ndim()) out.push_back(in[at++]);
    } else if (code == -3) {
      need(2);
      out.push_back(in[at] * in[at + 1]);
      at += 2;
    } else if (code == -4) {
      need(1);
      if (i + 2 >= codes.ndim()) c.fail(Code::invalid, concat("shape: expected two numbers after -4, got ", codes));
      int64_t first = codes[++i], second = codes[++i];
      const int64_t whole = in[at++];
      if (first == -1 && second > 0) first = whole / second;
      else if (second == -1 && first > 0) second = whole / first;
      if (first < 0 || second < 0 || first * second != whole)
        c.fail(Code::shape, concat("cannot split ", whole, " as ", codes));
      out.push_back(first);
      out.push_back(second);
    } else if (code > 0) {
      out.push_back(code);
      ++at;
    } else {
      c.fail(Code::invalid, concat("shape: unknown code ", code));
    }
  }
  if (inferred >= 0) {
    const int64_t known = out.size();
    if (known == 0 || in.size() % known != 0) c.fail(Code::shape, concat("cannot reshape ", in, " to ", codes));
    out[inferred] = in.size() / known;
  }
  if (out.size() != in.size()) c.fail(Code::shape, concat("cannot reshape ", in, " to ", codes));
  return out;
}

Shape decode_target(const InferShape& c, const Shape& in, const Params& p) {
  Shape out = p.target_shape;
  if (p.keep_highest && out.ndim() > 0) out[0] = in[0];
  int unknown = -1;
  int64_t known = 1;
  for (int i = 0; i < out.ndim(); ++i) {
    if (out[i] == 0) unknown = i;
    else known *= out[i];
  }
  if (unknown >= 0 && known > 0) out[unknown] = in.size() / known;
  if (out.size() != in.size()) c.fail(Code::shape, concat("cannot reshape ", in, " to ", p.target_shape));
  return out;
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  if (c.in[0].known()) {
    if (p.shape.ndim() == 0 && p.target_shape.ndim() > 0) c.set_out(0, decode_target(c, c.in[0], p));
    else if (p.reverse) c.set_out(0, reversed(decode(c, reversed(c.in[0]), reversed(p.shape))));
    else c.set_out(0, decode(c, c.in[0], p.shape));
  } else if (c.out[0].known() && c.in[0].ndim_known()) {
    // One missing extent of the input follows from the number of elements.
    int unknown = -1, count = 0;
    int64_t known = 1;
    for (int i = 0; i < c.in[0].ndim(); ++i) {
      if (c.in[0][i] < 0) unknown = i, ++count;
      else known *= c.in[0][i];
    }
    if (count == 1 && known > 0) {
      Shape in = c.in[0];
      in[unknown] = c.out[0].size() / known;
      c.set_in(0, in);
    }
  }
}

void infer_flatten(InferShape& c) {
  const Shape& in = c.in[0];
  if (!in.known()) {
    if (in.ndim() > 0) c.set_out(0, Shape{in[0], -1});
    return;
  }
  c.expect_ndim(0, 1, Shape::max_ndim);
  c.set_out(0, Shape{in[0], in.size(1, in.ndim())});
}

struct ExpandParams {
  int64_t axis = 0;
};
void infer_expand(InferShape& c) {
  const Shape& in = c.in[0];
  if (!in.ndim_known()) return;
  const int axis = normalize_axis(c.params<ExpandParams>().axis, in.ndim() + 1, c.place().c_str());
  Shape out;
  for (int i = 0; i <= in.ndim(); ++i) {
    if (i == axis) out.push_back(1);
    if (i < in.ndim()) out.push_back(in[i]);
  }
  c.set_out(0, out);
}

struct SqueezeParams {
  std::optional<Shape> axis;
};
void infer_squeeze(InferShape& c) {
  const Shape& in = c.in[0];
  if (!in.known()) return;
  std::vector<bool> drop(static_cast<size_t>(in.ndim()), false);
  const auto& axis = c.params<SqueezeParams>().axis;
  for (int i = 0; !axis && i < in.ndim(); ++i) drop[static_cast<size_t>(i)] = in[i] == 1;
  for (int64_t a : axis.value_or(Shape())) {
    const int i = normalize_axis(a, in.ndim(), c.place().c_str());
    if (in[i] != 1) c.fail(Code::shape, concat("axis ", a, ": expected extent 1, got ", in));
    drop[static_cast<size_t>(i)] = true;
  }
  Shape out;
  for (int i = 0; i < in.ndim(); ++i)
    if (!drop[static_cast<size_t>(i)]) out.push_back(in[i]);
  if (out.ndim() == 0) out.push_back(1);
  c.set_out(0, out);
}

//[full
void gradient(GradientContext& g) { g.set(0, g.make("reshape_like", {g.output_grad(0), g.input(0)})); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "Reshape");
  op.alias("reshape");
  op.param("shape", &Params::shape)
      .doc(
          "The new extents: 0 keeps one, -1 infers one, -2 copies the rest, -3 merges two, -4 splits one by the next "
          "two.");
  op.param("reverse", &Params::reverse).doc("Matches the codes from the right.");
  op.param("target_shape", &Params::target_shape).doc("The form of MXNet before 0.9: 0 infers one extent.");
  op.param("keep_highest", &Params::keep_highest).doc("With target_shape: keeps the first extent.");
  op.input("data", "Any shape and dtype.").infer_shape(infer).inplace(0, 0).same_bytes(0, 0);
  op.kernel(kernel<Params>).gpu_kernel(kernel<Params>);

  OpBuilder<> flat(registry, "Flatten");
  flat.alias("flatten")
      .input("data", "(N, ...).")
      .infer_shape(infer_flatten)
      .inplace(0, 0)
      .same_bytes(0, 0)
      .kernel(kernel<NoParams>)
      .gpu_kernel(kernel<NoParams>);

  OpBuilder<ExpandParams> expand(registry, "expand_dims");
  expand.param("axis", &ExpandParams::axis).required().doc("Where the new axis stands in the output.");
  expand.input("data", "Any shape and dtype.")
      .infer_shape(infer_expand)
      .inplace(0, 0)
      .same_bytes(0, 0)
      .kernel(kernel<ExpandParams>)
      .gpu_kernel(kernel<ExpandParams>);

  OpBuilder<SqueezeParams> squeeze(registry, "squeeze");
  squeeze.param("axis", &SqueezeParams::axis).doc("Axes of extent 1 to drop; none means all of them.");
  squeeze.input("data", "Any shape and dtype.")
      .infer_shape(infer_squeeze)
      .inplace(0, 0)
      .same_bytes(0, 0)
      .kernel(kernel<SqueezeParams>)
      .gpu_kernel(kernel<SqueezeParams>);
  //[full
  op.doc("The elements of data under another shape.").gradient(gradient);
  op.sample({{2, 3, 4}}, {{"shape", Shape{4, 6}}});
  op.sample({{2, 3, 4}}, {{"shape", Shape{0, -1}}});
  op.sample({{2, 3, 4}}, {{"shape", Shape{-3, -2}}});
  op.sample({{6, 4}}, {{"shape", Shape{-4, 2, -1, 0}}});
  op.sample({{2, 6}}, {{"shape", Shape{-1, 3}}, {"reverse", true}});
  op.sample({{2, 6}}, {{"target_shape", Shape{3, 0}}});
  op.sample({{1}}, {{"shape", Shape{1, 1}}});
  op.sample({{0, 3}}, {{"shape", Shape{0, 3, 1}}});
  flat.doc("Merges all axes but the first: (N, a, b, ...) becomes (N, a*b*...).").gradient(gradient);
  flat.sample({{2, 3, 4}});
  flat.sample({{1}});
  flat.sample({{0, 3}});
  expand.doc("Inserts an axis of extent 1.").gradient(gradient);
  expand.sample({{2, 3}}, {{"axis", 1}});
  expand.sample({{1}}, {{"axis", -1}});
  expand.sample({{0}}, {{"axis", 0}});
  squeeze.doc("Drops axes of extent 1.").gradient(gradient);
  squeeze.sample({{2, 1, 3, 1}});
  squeeze.sample({{2, 1, 3, 1}}, {{"axis", Shape{1}}});
  squeeze.sample({{1}});
  squeeze.sample({{0, 1}});
  //]
}

}  // namespace mixnet::op::reshape

// _split_v2: cuts a tensor along an axis at given positions, or into equal sections.
#include <cstring>

#include "op/core/builder.h"
#include "op/core/max_parts.h"
#include "op/core/movement.h"

namespace mixnet::op::split_v2 {
namespace {

struct Params {
  Shape indices;
  int64_t axis = 1;
  bool squeeze_axis = false;
  int64_t sections = 0;
};

int64_t num_parts(const Params& p) { return p.sections > 0 ? p.sections : p.indices.ndim(); }

// The first element of every part and the end. Sections of unequal size: the first ones are longer by one.
std::vector<int64_t> bounds(const Params& p, int64_t extent) {
  std::vector<int64_t> at;
  if (p.sections > 0) {
    const int64_t size = extent / p.sections, longer = extent % p.sections;
    for (int64_t i = 0; i <= p.sections; ++i) at.push_back(i * size + std::min(i, longer));
    return at;
  }
  at.assign(p.indices.begin(), p.indices.end());
  at.push_back(extent);
  return at;
}

void check(const Params& p) {
  MIXNET_CHECK(p.sections >= 0, invalid, "sections: expected at least 0, got ", p.sections);
  if (p.sections > 0) return;
  MIXNET_CHECK(p.indices.ndim() > 0 && p.indices[0] == 0, invalid, "indices: expected the first to be 0, got ",
               p.indices);
  for (int i = 1; i < p.indices.ndim(); ++i) {
    MIXNET_CHECK(p.indices[i - 1] <= p.indices[i], invalid, "indices: expected growing numbers, got ", p.indices);
  }
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const Shape& in = c.in[0];
  if (!in.ndim_known()) return;
  const int axis = normalize_axis(p.axis, in.ndim(), c.place().c_str());
  if (in[axis] < 0) return;
  const std::vector<int64_t> at = bounds(p, in[axis]);
  if (p.sections == 0 && p.indices.back() > in[axis]) {
    c.fail(Code::shape, concat("indices: expected at most ", in[axis], ", got ", p.indices));
  }
  for (size_t k = 0; k < c.out.size(); ++k) {
    const int64_t size = at[k + 1] - at[k];
    if (p.squeeze_axis && size != 1) {
      c.fail(Code::shape, concat("squeeze_axis: expected parts of extent 1, got ", size, " from ", in));
    }
    Shape part;
    for (int i = 0; i < in.ndim(); ++i) {
      if (i != axis || !p.squeeze_axis) part.push_back(i == axis ? size : in[i]);
    }
    c.set_out(static_cast<int>(k), part);
  }
}

// Moves rows between the whole and one part; `to_part` says in which direction.
void move_part(char* whole, int64_t pitch, char* part, int64_t width, int64_t rows, bool to_part) {
  const int64_t grain = std::max<int64_t>(1, 65536 / std::max<int64_t>(1, width));
  parallel_for(rows, grain, [=](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      char *a = part + i * width, *b = whole + i * pitch;
      std::memcpy(to_part ? a : b, to_part ? b : a, static_cast<size_t>(width));
    }
  });
}
void move_part_on_gpu(Stream& stream, char* whole, int64_t pitch, const TensorView& part, int64_t width, int64_t rows,
                      bool to_part) {
  const int64_t item = dtype_size(part.dtype), of_part = width / item, of_whole = pitch / item;
  StridedLoop<2> loop;
  loop.add(rows, {to_part ? of_part : of_whole, to_part ? of_whole : of_part});
  loop.add(of_part, {1, 1});
  copy_strided(&stream, loop, to_part ? part.data : whole, to_part ? whole : part.data, item);
}
void move_all(const Params& p, Stream* stream, const TensorView& whole, Span<const TensorView> parts, bool to_parts) {
  const Shape& s = whole.shape;
  const int axis = normalize_axis(p.axis, s.ndim(), "_split_v2");
  const int64_t rows = s.size(0, axis), item = s.size(axis + 1, s.ndim()) * dtype_size(whole.dtype);
  const std::vector<int64_t> at = bounds(p, s[axis]);
  for (size_t k = 0; k < parts.size(); ++k) {
    const int64_t width = (at[k + 1] - at[k]) * item;
    if (!parts[k].data || width == 0) continue;
    char* const first = whole.as<char>() + at[k] * item;
    if (stream) move_part_on_gpu(*stream, first, s[axis] * item, parts[k], width, rows, to_parts);
    else move_part(first, s[axis] * item, parts[k].as<char>(), width, rows, to_parts);
  }
}

void forward(const Params& p, const RunContext& r) { move_all(p, r.context.stream, r.in[0], r.out, true); }

AxisPieces pieces(const Params& p, const Shape& whole) { return {normalize_axis(p.axis, whole.ndim(), "_split_v2")}; }

std::vector<std::string> output_names(const Params& p) {
  if (num_parts(p) == 1) return {"output"};
  std::vector<std::string> names;
  for (int64_t i = 0; i < num_parts(p); ++i) names.push_back("output" + std::to_string(i));
  return names;
}

//[full
// The parts cover the whole, since the first begins at 0.
void backward(const Params& p, const RunContext& r) {
  move_all(p, r.context.stream, r.out[0], r.in.subspan(0, r.in.size() - 1), false);
}
std::vector<std::string> backward_inputs(const Params& p) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < num_parts(p); ++i) names.push_back("output_grad" + std::to_string(i));
  names.push_back("data");
  return names;
}
void infer_backward(InferShape& c) { c.set_out(0, c.in.back()); }
void gradient(GradientContext& g) {
  std::vector<Entry> parts;
  const int64_t n = num_parts(g.params<Params>());
  for (int64_t i = 0; i < n; ++i) parts.push_back(g.output_grad(static_cast<int>(i)));
  parts.push_back(g.input(0));
  g.set(0, g.make_backward("_split_v2_backward", std::move(parts))[0]);
}
//]

void add_params(OpBuilder<Params>& op) {
  op.param("indices", &Params::indices).required().doc("Where each part begins, the first at 0; unused with sections.");
  op.param("axis", &Params::axis).doc("The axis that is cut.");
  op.param("squeeze_axis", &Params::squeeze_axis).doc("Drops the axis where parts have extent 1.");
  op.param("sections", &Params::sections).range(0, max_parts).doc("Number of parts of equal size; 0 cuts at indices.");
  op.check(check);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_split_v2");
  add_params(op);
  op.input("data", "Any shape and dtype.").output_names(output_names).optional_outputs();
  op.infer_shape(infer).cuts(pieces).kernel(forward).gpu_kernel(forward);
  //[full
  op.doc(
      "Cuts data along an axis at positions or into sections. When the extent is no multiple of sections, the first "
      "parts are longer by one.");
  op.gradient(gradient);
  op.sample({{2, 5}}, {{"indices", Shape{0, 1, 3}}});
  op.sample({{5, 2}}, {{"indices", Shape{}}, {"axis", 0}, {"sections", 3}});
  op.sample({{2, 3}}, {{"indices", Shape{0, 1, 2}}, {"axis", -1}, {"squeeze_axis", true}});
  op.sample({{1}}, {{"indices", Shape{0}}, {"axis", 0}});
  op.sample({{0, 4}}, {{"indices", Shape{0, 2, 2}}});

  OpBuilder<Params> grad(registry, "_split_v2_backward");
  add_params(grad);
  grad.hidden().input_names(backward_inputs).infer_shape(infer_backward);
  grad.kernel(backward).gpu_kernel(backward);
  grad.no_gradient("linear; use _split_v2 for higher orders");
  //]
}

}  // namespace mixnet::op::split_v2

// Crop: a rectangle of the spatial axes of (N, C, H, W), of a given size or the size of another input.
#include "op/core/builder.h"
#include "op/core/movement.h"

namespace mixnet::op::crop {
namespace {

struct Params {
  int64_t num_args = 1;
  Shape offset{0, 0}, h_w{0, 0};
  bool center_crop = false;
};

void check(const Params& p) {
  MIXNET_CHECK(p.num_args == 1 || p.num_args == 2, invalid, "num_args: expected 1 or 2, got ", p.num_args);
  MIXNET_CHECK(p.offset.ndim() == 2, invalid, "offset: expected two numbers, got ", p.offset);
  MIXNET_CHECK(p.h_w.ndim() == 2, invalid, "h_w: expected two numbers, got ", p.h_w);
  MIXNET_CHECK(p.num_args == 2 || (p.h_w[0] >= 1 && p.h_w[1] >= 1), invalid, "h_w: expected at least (1, 1), got ",
               p.h_w);
}

// First row or column of the rectangle; axis 2 or 3.
int64_t first(const Params& p, const Shape& in, const Shape& out, int axis) {
  return p.center_crop ? (in[axis] - out[axis]) / 2 : p.offset[axis - 2];
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  for (int i = 0; i < c.num_inputs(); ++i) c.expect_ndim(i, 4, 4);
  if (!c.in[0].ndim_known()) return;
  Shape out = c.in[0];
  for (int axis = 2; axis < 4; ++axis) {
    if (p.num_args == 1) out[axis] = p.h_w[axis - 2];
    else out[axis] = c.in[1].ndim_known() ? c.in[1][axis] : -1;
    if (c.in[0][axis] < 0 || out[axis] < 0) continue;
    const int64_t room = c.in[0][axis] - out[axis];
    if (room < 0)
      c.fail(Code::shape, concat("data: expected at least ", out[axis], " on axis ", axis, ", got ", c.in[0]));
    if (first(p, c.in[0], out, axis) > room) {
      c.fail(Code::shape, concat("offset: expected at most ", room, " on axis ", axis, ", got ", p.offset));
    }
  }
  c.set_out(0, out);
}

// Copies between the whole image and the rectangle.
void copy(const Params& p, Stream* stream, const TensorView& whole, const TensorView& part, bool to_part) {
  if (part.size() == 0) return;
  const auto a = row_major_strides(part.shape), b = row_major_strides(whole.shape);
  const int64_t item = dtype_size(whole.dtype);
  const int64_t skipped = first(p, whole.shape, part.shape, 2) * whole.shape[3] + first(p, whole.shape, part.shape, 3);
  StridedLoop<2> loop;
  for (size_t i = 0; i < 4; ++i) {
    if (to_part) loop.add(part.shape[static_cast<int>(i)], {a[i], b[i]});
    else loop.add(part.shape[static_cast<int>(i)], {b[i], a[i]});
  }
  char* corner = whole.as<char>() + skipped * item;
  if (to_part) copy_strided(stream, loop, part.data, corner, item);
  else copy_strided(stream, loop, corner, part.data, item);
}

void forward(const Params& p, const RunContext& r) { copy(p, r.context.stream, r.in[0], r.out[0], true); }

//[full
void backward(const Params& p, const RunContext& r) {
  set_zero(r.context.stream, r.out[0]);
  copy(p, r.context.stream, r.out[0], r.in[0], false);
}
std::vector<std::string> backward_inputs(const Params&) { return {"output_grad", "data"}; }
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
void gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_Crop", {g.output_grad(0), g.input(0)})[0]); }
//]

void add_params(OpBuilder<Params>& op) {
  op.param("num_args", &Params::num_args)
      .required()
      .doc("1: data alone, cropped to h_w; 2: cropped to the second input.");
  op.param("offset", &Params::offset).range(0).doc("First row and column.");
  op.param("h_w", &Params::h_w).range(0).doc("Height and width, when num_args is 1.");
  op.param("center_crop", &Params::center_crop).doc("Takes the middle instead of offset.");
  op.check(check);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "Crop");
  add_params(op);
  op.variadic("arg", "num_args", &Params::num_args).shape_only({1}).infer_shape(infer);
  op.kernel(forward).gpu_kernel(forward);
  //[full
  op.doc(
      "Cuts a rectangle out of the first input, (N, C, H, W), of size h_w or of the height and width of the second, "
      "(any, any, h, w).");
  op.gradient(gradient);
  op.sample({{2, 1, 4, 5}}, {{"num_args", 1}, {"h_w", Shape{2, 3}}, {"offset", Shape{1, 2}}});
  op.sample({{1, 2, 4, 5}, {1, 1, 3, 2}}, {{"num_args", 2}, {"center_crop", true}});
  op.sample({{1, 1, 1, 1}}, {{"num_args", 1}, {"h_w", Shape{1, 1}}});
  op.sample({{0, 1, 3, 3}}, {{"num_args", 1}, {"h_w", Shape{2, 2}}});

  OpBuilder<Params> grad(registry, "_backward_Crop");
  add_params(grad);
  grad.hidden().input_names(backward_inputs).shape_only({1}).infer_shape(infer_backward);
  grad.kernel(backward).gpu_kernel(backward);
  grad.no_gradient("linear; use Crop for higher orders");
  //]
}

}  // namespace mixnet::op::crop

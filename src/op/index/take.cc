// take: elements along an axis by number.
#include "op/index/take.h"

#include "op/core/wide.h"
#include "op/index/rows.h"

namespace mixnet::op::take {
namespace {

void forward(const Params& p, const RunContext& r) { gather_rows(rows(p, r.in[0].shape, r.in[1]), r.in[0], r.out[0]); }

void infer(InferShape& c) {
  const Shape &data = c.in[0], &indices = c.in[1];
  c.expect_ndim(0, 1, Shape::max_ndim);
  if (!data.ndim_known() || !indices.ndim_known()) return;
  const int axis = normalize_axis(c.params<Params>().axis, data.ndim(), c.place().c_str());
  if (data[axis] == 0 && indices.known() && indices.size() > 0) {
    c.fail(Code::shape, concat("a: expected at least one element along axis ", axis, ", got ", data));
  }
  Shape out(data.data(), axis);
  for (int64_t extent : indices) out.push_back(extent);
  for (int i = axis + 1; i < data.ndim(); ++i) out.push_back(data[i]);
  c.set_out(0, out);
}
void infer_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.in[1] == DType::unknown) c.in[1] = c.in[0];
}

//[full
void backward(const Params& p, const RunContext& r) {
  dispatch_all(r.out[0].dtype, "take", [&](auto tag) {
    using T = typename decltype(tag)::type;
    add_rows<T>(rows(p, r.out[0].shape, r.in[1]), static_cast<int64_t*>(r.context.workspace), r.in[0].as<T>(),
                r.out[0].as<T>());
  });
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, add_rows_workspace(c.inputs[1]));
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[2]); }
void infer_backward_type(InferType& c) { c.set_out(0, c.in[2]); }
void gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_take", {g.output_grad(0), g.input(1), g.input(0)})[0]);
}
void second_gradient(GradientContext& g) { g.set(0, g.make_backward("take", {g.output_grad(0), g.input(1)})[0]); }
//]

void add_params(OpBuilder<Params>& op) {
  op.param("axis", &Params::axis).doc("The axis that is indexed.");
  op.param("mode", &Params::mode, {"clip", "raise", "wrap"})
      .doc("Indices out of range: clip moves them to the ends, wrap counts round, raise makes an error of them.");
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "take");
  add_params(op);
  op.input("a", "The elements, at least one axis.").input("indices", "Any shape and dtype.");
  op.infer_shape(infer).infer_type(infer_type).kernel(forward);
  //[full
  op.doc("Elements along an axis by number. Output: the shape of a with the axis replaced by the shape of indices.");
  op.gradient(gradient);
  op.sample({{4, 3}, {2, 2}}).integers({1}, 4);
  op.sample({{3, 4}, {5}}, {{"axis", 1}, {"mode", "wrap"}}).integers({1}, 6);
  op.sample({{2, 4, 3}, {5}}, {{"axis", -2}, {"mode", "raise"}}).integers({1}, 4);
  op.sample({{1}, {1}}).integers({1}, 1);
  op.sample({{2, 3}, {0}});

  OpBuilder<Params> grad(registry, "_backward_take");
  add_params(grad);
  grad.hidden().input("output_grad").input("indices").input("a").shape_only({2}).infer_shape(infer_backward);
  grad.infer_type(infer_backward_type).prepare(prepare_backward).gradient(second_gradient);
  //]
}

}  // namespace mixnet::op::take

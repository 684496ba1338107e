// _contrib_boolean_mask: the slices of a tensor where a mask is not zero. How many is known only after the run.
#include "op/sparse/boolean_mask.h"

#include "op/core/axes.h"

namespace mixnet::op::boolean_mask {
namespace {

// Numbers of the slices that are taken.
std::vector<int64_t> chosen(const TensorView& mask) {
  std::vector<int64_t> numbers;
  dispatch_all(mask.dtype, "_contrib_boolean_mask", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < mask.size(); ++i) {
      if (static_cast<accumulator_t<T>>(mask.as<T>()[i]) != 0) numbers.push_back(i);
    }
  });
  return numbers;
}

// A tensor as (outer, n, bytes of a slice).
struct Slices {
  int64_t outer, n, bytes;
  Slices(const Params& p, const TensorView& v) {
    const int axis = axis_of(p, v.shape);
    outer = v.shape.size(0, axis);
    n = v.shape[axis];
    bytes = v.shape.size(axis + 1, v.ndim()) * dtype_size(v.dtype);
  }
};

void forward(const Params& p, const RunContext& r) {
  const std::vector<int64_t> rows = chosen(r.in[1]);
  const Slices s(p, r.in[0]);
  Shape shape = r.in[0].shape;
  const int64_t count = static_cast<int64_t>(rows.size());
  shape[axis_of(p, shape)] = count;
  const TensorView out = r.context.memory->dense(0, shape);
  if (out.size() == 0) return;
  for (int64_t o = 0; o < s.outer; ++o) {
    for (int64_t k = 0; k < count; ++k)
      std::memcpy(out.as<char>() + (o * count + k) * s.bytes,
                  r.in[0].as<char>() + (o * s.n + rows[static_cast<size_t>(k)]) * s.bytes,
                  static_cast<size_t>(s.bytes));
  }
}
void infer(InferShape& c) {
  c.expect_ndim(1, 1, 1);
  if (!c.in[0].ndim_known()) return;
  const int axis = normalize_axis(c.params<Params>().axis, c.in[0].ndim(), c.place().c_str());
  Shape mask{c.in[0][axis]};
  c.set_in(1, mask);
  Shape out = c.in[0];
  out[axis] = -1;
  c.set_out(0, out);
}
void infer_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.in[1] == DType::unknown) c.in[1] = c.in[0];
}

//[full
// Zeros, with the slices of the gradient where they were taken from.
void backward(const Params& p, const RunContext& r) {
  const Slices s(p, r.in[2]);
  if (r.out[0].size() == 0) return;
  std::memset(r.out[0].data, 0, static_cast<size_t>(r.out[0].bytes()));
  const std::vector<int64_t> rows = chosen(r.in[1]);
  const int64_t count = static_cast<int64_t>(rows.size());
  for (int64_t o = 0; o < s.outer; ++o) {
    for (int64_t k = 0; k < count; ++k)
      std::memcpy(r.out[0].as<char>() + (o * s.n + rows[static_cast<size_t>(k)]) * s.bytes,
                  r.in[0].as<char>() + (o * count + k) * s.bytes, static_cast<size_t>(s.bytes));
  }
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[2]); }
void infer_backward_type(InferType& c) { c.set_out(0, c.in[2]); }
void gradient(GradientContext& g) {
  if (g.wants(0)) g.set(0, g.make_backward("_backward_boolean_mask", {g.output_grad(0), g.input(1), g.input(0)})[0]);
}
void second_gradient(GradientContext& g) {
  if (g.wants(0))
    g.set(0, g.make("_contrib_boolean_mask", {g.output_grad(0), g.input(1)}, {{"axis", g.params<Params>().axis}}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_boolean_mask");
  op.param("axis", &Params::axis).doc("The axis along which slices are taken.");
  op.input("data", "Any shape of at least one dimension.").input("index", "(n,): the mask, any dtype.");
  op.infer_shape(infer).infer_type(infer_type).late_shape().kernel(forward);
  //[full
  op.gradient(gradient);
  op.doc(
      "The slices of data along axis where index is not zero, in order. How many these are is known only after the "
      "run: "
      "asking for the output's shape waits, and no graph can be bound with it.");
  op.sample({{3, 2}, {3}}).integers({1}, 2).not_differentiable();
  op.sample({{2, 3}, {3}}, {{"axis", 1}}).integers({1}, 2).not_differentiable();
  op.sample({{1}, {1}}).integers({1}, 2).not_differentiable();
  op.sample({{0, 2}, {0}});
  OpBuilder<Params> grad(registry, "_backward_boolean_mask");
  grad.param("axis", &Params::axis);
  grad.hidden().input("output_grad").input("index").input("data").shape_only({2});
  grad.infer_shape(infer_backward).infer_type(infer_backward_type).kernel(backward).gradient(second_gradient);
  //]
}

}  // namespace mixnet::op::boolean_mask

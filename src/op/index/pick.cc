// pick: one element of every line along an axis, by number.
#include "op/index/pick.h"

#include <cstring>

#include "op/core/builder.h"
#include "op/core/set_zero.h"
#include "op/index/indices.h"

namespace mixnet::op::pick {
namespace {

template <class F>
void each_line(const Lines& s, F f) {
  parallel_for(s.outer * s.inner, 8192, [&](int64_t first, int64_t last) {
    for (int64_t l = first; l < last; ++l) f(l, s.at(l));
  });
}
void forward(const Params& p, const RunContext& r) {
  const size_t item = static_cast<size_t>(dtype_size(r.in[0].dtype));
  const int64_t step = static_cast<int64_t>(item);
  const char* x = r.in[0].as<char>();
  char* y = r.out[0].as<char>();
  each_line(Lines(p, r.in[0].shape, r.in[1]),
            [=](int64_t l, int64_t at) { std::memcpy(y + l * step, x + at * step, item); });
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const Shape& in = c.in[0];
  if (!in.known()) return;
  const int axis = p.axis ? normalize_axis(*p.axis, in.ndim(), c.place().c_str()) : -1;
  Shape kept, squeezed;
  for (int i = 0; i < in.ndim(); ++i) {
    const bool gone = !p.axis || i == axis;
    kept.push_back(gone ? 1 : in[i]);
    if (!gone) squeezed.push_back(in[i]);
  }
  if (squeezed.ndim() == 0) squeezed.push_back(1);
  const int64_t n = p.axis ? in[axis] : in.size();
  if (n == 0 && squeezed.size() > 0)
    c.fail(Code::shape, concat("data: expected at least one element along the axis, got ", in));
  // The index may keep the axis with extent 1.
  if (c.in[1] != kept) c.set_in(1, squeezed);
  c.set_out(0, p.keepdims ? kept : squeezed);
}
void infer_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.in[1] == DType::unknown) c.in[1] = c.in[0];
}

//[full
void backward(const Params& p, const RunContext& r) {
  const size_t item = static_cast<size_t>(dtype_size(r.out[0].dtype));
  const int64_t step = static_cast<int64_t>(item);
  const char* dy = r.in[0].as<char>();
  char* dx = r.out[0].as<char>();
  set_zero(r.out[0]);
  each_line(Lines(p, r.out[0].shape, r.in[1]),
            [=](int64_t l, int64_t at) { std::memcpy(dx + at * step, dy + l * step, item); });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[2]); }
void infer_backward_type(InferType& c) { c.set_out(0, c.in[2]); }
void gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_pick", {g.output_grad(0), g.input(1), g.input(0)})[0]);
}
void second_gradient(GradientContext& g) { g.set(0, g.make_backward("pick", {g.output_grad(0), g.input(1)})[0]); }
//]

void add_params(OpBuilder<Params>& op) {
  op.param("axis", &Params::axis).doc("The axis that is indexed; None flattens.");
  op.param("keepdims", &Params::keepdims).doc("Keeps the axis with extent 1.");
  op.param("mode", &Params::mode, {"clip", "wrap"})
      .doc("Indices out of range: clip moves them to the ends, wrap counts round.");
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "pick");
  op.alias("choose_element_0index");
  add_params(op);
  op.input("data", "The elements.").input("index", "One index per line along the axis, any dtype.");
  op.infer_shape(infer).infer_type(infer_type).kernel(forward);
  //[full
  op.doc("One element of every line along an axis, by number.").gradient(gradient);
  op.sample({{3, 4}, {3}}).integers({1}, 4);
  op.sample({{3, 4}, {1, 4}}, {{"axis", 0}, {"keepdims", true}, {"mode", "wrap"}}).integers({1}, 5);
  op.sample({{2, 3}, {1}}, {{"axis", "None"}}).integers({1}, 6);
  op.sample({{1}, {1}}).integers({1}, 1);
  op.sample({{0, 3}, {0}});

  OpBuilder<Params> grad(registry, "_backward_pick");
  add_params(grad);
  grad.hidden().input("output_grad").input("index").input("data").shape_only({2}).infer_shape(infer_backward);
  grad.infer_type(infer_backward_type).kernel(backward).gradient(second_gradient);
  //]
}

}  // namespace mixnet::op::pick

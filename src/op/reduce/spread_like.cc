// _spread_like: the counterpart of a reduction. A reduced tensor is repeated along the axes that were reduced.
#include "op/reduce/spread_like.h"

namespace mixnet::op::spread_like {
namespace {

//[full
void forward(const Params& p, const RunContext& r) {
  const Shape& out = r.out[0].shape;
  const Spread spread(out, reduced_axes(p, out.ndim(), "_spread_like"));
  copy_strided(spread.loop, r.out[0].data, r.in[0].data, dtype_size(r.out[0].dtype));
  if (!p.mean) return;
  dispatch_float(r.out[0].dtype, "_spread_like", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const A scale = A(1) / static_cast<A>(std::max<int64_t>(1, spread.count));
    T* y = r.out[0].as<T>();
    parallel_for(r.out[0].size(), 16384, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) y[i] = static_cast<T>(static_cast<A>(y[i]) * scale);
    });
  });
}
void infer(InferShape& c) { c.set_out(0, c.in[1]); }
void infer_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.in[1] == DType::unknown) c.in[1] = c.in[0];
}
void gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  const Value axis = p.axis ? Value(*p.axis) : Value();
  const Entry total = g.make(p.mean ? "mean" : "sum", {g.output_grad(0)}, {{"axis", axis}, {"exclude", p.exclude}});
  g.set(0, g.make("reshape_like", {total, g.input(0)}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  //[full
  OpBuilder<Params> op(registry, "_spread_like");
  add_reduce_params(op);
  op.param("mean", &Params::mean).doc("Divides by the number of copies.");
  op.hidden().input("data").input("like").shape_only({1}).infer_shape(infer).infer_type(infer_type).kernel(forward);
  op.gradient(gradient);
  op.sample({{2, 4}, {2, 3, 4}}, {{"axis", Shape{1}}});
  op.sample({{3}, {2, 3, 4}}, {{"axis", Shape{1}}, {"exclude", true}, {"mean", true}});
  op.sample({{1}, {2, 3}});
  op.sample({{0}, {0, 3}}, {{"axis", Shape{1}}});
  //]
  (void)registry;
}

}  // namespace mixnet::op::spread_like

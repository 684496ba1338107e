// norm: the L1 or L2 norm over axes.
#include "op/reduce/norm.h"

#include "op/reduce/stored_reduction.h"

namespace mixnet::op::norm {
namespace {

constexpr DType out_types[] = {DType::unknown, DType::f16, DType::f32, DType::f64, DType::i32, DType::i64, DType::i8};

void forward(const Params& p, const RunContext& r) {
  const std::vector<bool> reduced = reduced_axes(p, r.in[0].ndim(), "norm");
  if (p.ord == 1) reduction::reduce<reduction::AbsSum>(r.in[0], r.out[0], reduced, reduction::Same());
  else reduction::reduce<reduction::SquareSum>(r.in[0], r.out[0], reduced, reduction::Root());
}
void infer_type(InferType& c) {
  const DType given = out_types[static_cast<int>(c.params<Params>().out_dtype)];
  if (given != DType::unknown) return c.set_out(0, given);
  c.all_same();
}

//[full
bool choose(InferStorage& c) { return stored_reduction::choose(c, stored_reduction::over(c.params<Params>(), false)); }
void stored_forward(const Params& p, const RunContext& r) {
  const auto what = stored_reduction::over(p, false);
  if (p.ord == 1) stored_reduction::reduce<reduction::AbsSum>(r.in[0], r.out[0], what, reduction::Same());
  else stored_reduction::reduce<reduction::SquareSum>(r.in[0], r.out[0], what, reduction::Root());
}
// d|x| is sign x, d||x|| is x/||x|| and 0 where everything is 0.
void gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  const bool cast = p.out_dtype != Out::none;
  auto as_input = [&](Entry e) { return cast ? g.make("_cast_like", {std::move(e), g.input(0)}) : e; };
  const Entry dy = reduction::spread(g, p, as_input(g.output_grad(0)));
  if (p.ord == 1) return g.set(0, g.make("elemwise_mul", {dy, g.make("sign", {g.input(0)})}));
  const Entry length = reduction::spread(g, p, as_input(g.output(0)));
  const Entry zero = g.make("_equal_scalar", {length}, {{"scalar", 0.0}});
  const Entry unit = g.make("elemwise_div", {g.input(0), g.make("elemwise_add", {length, zero})});
  g.set(0, g.make("elemwise_mul", {dy, unit}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "norm");
  op.param("ord", &Params::ord).range(1, 2).doc("1: sum of absolute values, 2: Euclidean norm.");
  op.param("axis", &Params::axis).doc("Axes to reduce; none means all.");
  op.param("out_dtype", &Params::out_dtype, {"None", "float16", "float32", "float64", "int32", "int64", "int8"})
      .doc("The dtype of the output; None takes data's.");
  op.param("keepdims", &Params::keepdims).doc("Keeps reduced axes with extent 1.");
  op.input("data", "Any shape.").infer_shape(reduction::infer<Params>).infer_type(infer_type).kernel(forward);
  //[full
  op.sparse(choose, stored_forward);
  op.doc("The L1 or L2 norm over axes. A full reduction gives shape (1,).").gradient(gradient);
  op.sample({{2, 3}}).range(0.5, 2);
  op.sample({{2, 3}}, {{"ord", 1}, {"axis", Shape{0}}}).range(0.5, 2);
  op.sample({{2, 3, 2}}, {{"axis", Shape{0, 2}}, {"keepdims", true}}).range(0.5, 2);
  for (const char* dtype : {"float16", "float32", "float64"}) {
    op.sample({{2, 3}}, {{"out_dtype", dtype}}).range(0.5, 2).not_differentiable();
  }
  for (const char* dtype : {"int32", "int64", "int8"}) {
    op.sample({{2, 3}}, {{"ord", 1}, {"out_dtype", dtype}}).integers({0}, 5).not_differentiable();
  }
  op.sample({{1}}).range(0.5, 2);
  op.sample({{0, 3}}, {{"axis", Shape{1}}});
  //]
}

}  // namespace mixnet::op::norm

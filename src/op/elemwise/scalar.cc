// A tensor and a number: x + 2, 2 - x, x > 0.
//
// Integers stay integers, the number is truncated: MXNet's is_int, true unless somebody says otherwise.
#include "op/elemwise/binary.h"

namespace mixnet::op::scalar {
namespace {

using namespace functions;

//[full
double value(const GradientContext& g) { return g.params<ScalarParams>().scalar; }
Entry with_scalar(GradientContext& g, const char* op, Entry x, double s) {
  return g.make(op, {std::move(x)}, {{"scalar", s}});
}
Entry scaled(GradientContext& g, Entry x, double by) { return with_scalar(g, "_mul_scalar", std::move(x), by); }
// dx = dy * slope.
void set_slope(GradientContext& g, Entry slope) {
  g.set(0, g.make("elemwise_mul", {g.output_grad(0), std::move(slope)}));
}

void plus_gradient(GradientContext& g) { g.set(0, g.output_grad(0)); }
void rminus_gradient(GradientContext& g) { g.set(0, g.make("negative", {g.output_grad(0)})); }
void mul_gradient(GradientContext& g) { g.set(0, scaled(g, g.output_grad(0), value(g))); }
void div_gradient(GradientContext& g) { g.set(0, with_scalar(g, "_div_scalar", g.output_grad(0), value(g))); }
// y = s / x: dy/dx = -y / x.
void rdiv_gradient(GradientContext& g) {
  set_slope(g, g.make("negative", {g.make("elemwise_div", {g.output(0), g.input(0)})}));
}
void rmod_gradient(GradientContext& g) {
  set_slope(g, g.make("negative", {g.make("floor", {with_scalar(g, "_rdiv_scalar", g.input(0), value(g))})}));
}
void power_gradient(GradientContext& g) {
  set_slope(g, scaled(g, with_scalar(g, "_power_scalar", g.input(0), value(g) - 1), value(g)));
}
void rpower_gradient(GradientContext& g) { set_slope(g, scaled(g, g.output(0), std::log(value(g)))); }
void maximum_gradient(GradientContext& g) {
  set_slope(g, with_scalar(g, "_greater_equal_scalar", g.input(0), value(g)));
}
void minimum_gradient(GradientContext& g) {
  set_slope(g, with_scalar(g, "_lesser_equal_scalar", g.input(0), value(g)));
}
void hypot_gradient(GradientContext& g) { set_slope(g, g.make("elemwise_div", {g.input(0), g.output(0)})); }
//]

void infer_dtype(InferType& c) {
  const bool is_int = c.params<ScalarParams>().is_int;
  c.set_out(0, scalar_dtype(c.in[0], is_int));
  if (c.in[0] != DType::unknown) return;
  // Without is_int, float64 may come of integers.
  const DType out = c.out[0];
  if (scalar_dtype(out, is_int) == out && (is_int || out != DType::f64)) c.in[0] = out;
}

//[full
// Sparse data stays so where zero gives zero.
template <class F>
bool zero_stays(InferStorage& c) {
  return F::of(0.0, c.params<ScalarParams>().scalar) == 0 && stored::same_kind(c);
}
using StorageRule = bool (*)(InferStorage&);
StorageRule storage_rule(const std::string& name) {
  if (name == "_mul_scalar") return zero_stays<Mul>;
  if (name == "_div_scalar") return zero_stays<Div>;
  if (name == "_equal_scalar") return zero_stays<Equal>;
  if (name == "_not_equal_scalar") return zero_stays<NotEqual>;
  if (name == "_greater_scalar") return zero_stays<Greater>;
  if (name == "_greater_equal_scalar") return zero_stays<GreaterEqual>;
  if (name == "_lesser_scalar") return zero_stays<Lesser>;
  if (name == "_lesser_equal_scalar") return zero_stays<LesserEqual>;
  return nullptr;
}
//]

struct Row {
  const char *name, *alias, *doc;
  double low, high, scalar;  // where samples are taken
  void (*kernel)(const ScalarParams&, const RunContext&);
  void (*gradient)(GradientContext&);  // null: piecewise constant
};

// clang-format off
const Row rows[] = {
    {"_plus_scalar", "_PlusScalar", "x + scalar", -1, 1, 2, scalar_kernel<Add>, MIXNET_RULE(plus_gradient)},
    {"_minus_scalar", "_MinusScalar", "x - scalar", -1, 1, 2, scalar_kernel<Sub>, MIXNET_RULE(plus_gradient)},
    {"_rminus_scalar", "_RMinusScalar", "scalar - x", -1, 1, 2,
     scalar_kernel<Reversed<Sub>>, MIXNET_RULE(rminus_gradient)},
    {"_mul_scalar", "_MulScalar", "x * scalar", -1, 1, 3, scalar_kernel<Mul>, MIXNET_RULE(mul_gradient)},
    {"_div_scalar", "_DivScalar", "x / scalar", -1, 1, 4, scalar_kernel<Div>, MIXNET_RULE(div_gradient)},
    {"_rdiv_scalar", "_RDivScalar", "scalar / x", 0.5, 2, 3, scalar_kernel<Reversed<Div>>, MIXNET_RULE(rdiv_gradient)},
    {"_mod_scalar", "_ModScalar", "The remainder of x / scalar with the sign of scalar", 0.1, 0.9, 2,
     scalar_kernel<Mod>, MIXNET_RULE(plus_gradient)},
    {"_rmod_scalar", "_RModScalar", "The remainder of scalar / x with the sign of x", 1.1, 1.4, 2,
     scalar_kernel<Reversed<Mod>>, MIXNET_RULE(rmod_gradient)},
    {"_power_scalar", "_PowerScalar", "x to the power of scalar", 0.5, 2, 2.5,
     scalar_kernel<Power>, MIXNET_RULE(power_gradient)},
    {"_rpower_scalar", "_RPowerScalar", "scalar to the power of x", -1, 1, 2,
     scalar_kernel<Reversed<Power>>, MIXNET_RULE(rpower_gradient)},
    {"_maximum_scalar", "_MaximumScalar", "The larger of x and scalar", -1, 1, 0.01,
     scalar_kernel<Maximum>, MIXNET_RULE(maximum_gradient)},
    {"_minimum_scalar", "_MinimumScalar", "The smaller of x and scalar", -1, 1, 0.01,
     scalar_kernel<Minimum>, MIXNET_RULE(minimum_gradient)},
    {"_hypot_scalar", "_HypotScalar", "sqrt(x^2 + scalar^2)", 0.5, 2, 1,
     scalar_kernel<Hypot>, MIXNET_RULE(hypot_gradient)},
    {"_equal_scalar", "_EqualScalar", "1 where x == scalar, else 0", -1, 1, 0, scalar_kernel<Equal>, nullptr},
    {"_not_equal_scalar", "_NotEqualScalar", "1 where x != scalar, else 0", -1, 1, 0, scalar_kernel<NotEqual>, nullptr},
    {"_greater_scalar", "_GreaterScalar", "1 where x > scalar, else 0", -1, 1, 0, scalar_kernel<Greater>, nullptr},
    {"_greater_equal_scalar", "_GreaterEqualScalar", "1 where x >= scalar, else 0", -1, 1, 0,
     scalar_kernel<GreaterEqual>, nullptr},
    {"_lesser_scalar", "_LesserScalar", "1 where x < scalar, else 0", -1, 1, 0, scalar_kernel<Lesser>, nullptr},
    {"_lesser_equal_scalar", "_LesserEqualScalar", "1 where x <= scalar, else 0", -1, 1, 0,
     scalar_kernel<LesserEqual>, nullptr},
    {"_logical_and_scalar", "_LogicalAndScalar", "1 where x and scalar are both not zero, else 0", -1, 1, 1,
     scalar_kernel<And>, nullptr},
    {"_logical_or_scalar", "_LogicalOrScalar", "1 where x or scalar is not zero, else 0", -1, 1, 1,
     scalar_kernel<Or>, nullptr},
    {"_logical_xor_scalar", "_LogicalXorScalar", "1 where exactly one of x and scalar is not zero, else 0", -1, 1, 1,
     scalar_kernel<Xor>, nullptr},
};
// clang-format on

}  // namespace

void register_ops(Registry& registry) {
  for (const Row& row : rows) {
    OpBuilder<ScalarParams> op(registry, row.name);
    op.alias(row.alias);
    op.param("scalar", &ScalarParams::scalar).doc("The number.");
    op.param("is_int", &ScalarParams::is_int)
        .doc("For integers: whether the number is truncated and the result of data's dtype, or the result float64.");
    op.input("data", "Any shape and dtype.").inplace(0, 0).infer_type(infer_dtype).kernel(row.kernel).pointwise();
    //[full
    if (StorageRule rule = storage_rule(row.name)) op.keeps_zeros(rule);
    if (row.gradient) op.gradient(row.gradient);
    else op.zero_gradient();
    op.doc(std::string(row.doc) + ", elementwise. The output has data's dtype; for bool it has int64.");
    for (const Shape& shape : {Shape{2, 3}, Shape{1}, Shape{0, 3}}) {
      op.sample({shape}, {{"scalar", row.scalar}}).range(row.low, row.high);
    }
    op.sample({{2, 3}}, {{"scalar", row.scalar}, {"is_int", false}}).range(row.low, row.high);
    //]
  }
}

}  // namespace mixnet::op::scalar

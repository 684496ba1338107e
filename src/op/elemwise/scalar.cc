// A tensor and a number: x + 2, 2 - x, x > 0. Integers stay integers: the number is truncated to the tensor's dtype.
#include "op/elemwise/binary.h"

namespace mixnet::op::scalar {
namespace {

using namespace functions;

//[full
Entry scaled(GradientContext& g, Entry x, double by) { return g.make("_mul_scalar", {std::move(x)}, {{"scalar", by}}); }
double value(GradientContext& g) { return g.params<ScalarParams>().scalar; }
Entry times(GradientContext& g, Entry a, Entry b) { return g.make("elemwise_mul", {std::move(a), std::move(b)}); }
Entry with_scalar(GradientContext& g, const char* op, Entry x, double s) { return g.make(op, {std::move(x)}, {{"scalar", s}}); }

void plus_gradient(GradientContext& g) { g.set(0, g.output_grad(0)); }
void rminus_gradient(GradientContext& g) { g.set(0, g.make("negative", {g.output_grad(0)})); }
void mul_gradient(GradientContext& g) { g.set(0, scaled(g, g.output_grad(0), value(g))); }
void div_gradient(GradientContext& g) { g.set(0, with_scalar(g, "_div_scalar", g.output_grad(0), value(g))); }
// y = s / x: dy/dx = -y / x.
void rdiv_gradient(GradientContext& g) {
  g.set(0, g.make("negative", {times(g, g.output_grad(0), g.make("elemwise_div", {g.output(0), g.input(0)}))}));
}
void rmod_gradient(GradientContext& g) {
  g.set(0, g.make("negative", {times(g, g.output_grad(0), g.make("floor", {with_scalar(g, "_rdiv_scalar", g.input(0), value(g))}))}));
}
void power_gradient(GradientContext& g) {
  const Entry slope = scaled(g, with_scalar(g, "_power_scalar", g.input(0), value(g) - 1), value(g));
  g.set(0, times(g, g.output_grad(0), slope));
}
void rpower_gradient(GradientContext& g) { g.set(0, times(g, g.output_grad(0), scaled(g, g.output(0), std::log(value(g))))); }
void maximum_gradient(GradientContext& g) { g.set(0, times(g, g.output_grad(0), with_scalar(g, "_greater_scalar", g.input(0), value(g)))); }
void minimum_gradient(GradientContext& g) { g.set(0, times(g, g.output_grad(0), with_scalar(g, "_lesser_scalar", g.input(0), value(g)))); }
void hypot_gradient(GradientContext& g) { g.set(0, times(g, g.output_grad(0), g.make("elemwise_div", {g.input(0), g.output(0)}))); }
//]
#if defined(MIXNET_PREDICTOR)
constexpr void (*plus_gradient)(GradientContext&) = nullptr, (*rminus_gradient)(GradientContext&) = nullptr, (*mul_gradient)(GradientContext&) = nullptr,
    (*div_gradient)(GradientContext&) = nullptr, (*rdiv_gradient)(GradientContext&) = nullptr, (*rmod_gradient)(GradientContext&) = nullptr,
    (*power_gradient)(GradientContext&) = nullptr, (*rpower_gradient)(GradientContext&) = nullptr, (*maximum_gradient)(GradientContext&) = nullptr,
    (*minimum_gradient)(GradientContext&) = nullptr, (*hypot_gradient)(GradientContext&) = nullptr;
#endif

struct Row {
  const char *name, *alias;
  void (*kernel)(const ScalarParams&, const RunContext&);
  void (*gradient)(GradientContext&);  // null: piecewise constant
  const char* doc;
  double low, high, scalar;
};

const Row rows[] = {
    {"_plus_scalar", "_PlusScalar", scalar_kernel<Add>, plus_gradient, "x + scalar", -1, 1, 2},
    {"_minus_scalar", "_MinusScalar", scalar_kernel<Sub>, plus_gradient, "x - scalar", -1, 1, 2},
    {"_rminus_scalar", "_RMinusScalar", scalar_kernel<Reversed<Sub>>, rminus_gradient, "scalar - x", -1, 1, 2},
    {"_mul_scalar", "_MulScalar", scalar_kernel<Mul>, mul_gradient, "x * scalar", -1, 1, 3},
    {"_div_scalar", "_DivScalar", scalar_kernel<Div>, div_gradient, "x / scalar", -1, 1, 4},
    {"_rdiv_scalar", "_RDivScalar", scalar_kernel<Reversed<Div>>, rdiv_gradient, "scalar / x", 0.5, 2, 3},
    {"_mod_scalar", "_ModScalar", scalar_kernel<Mod>, plus_gradient, "The remainder of x / scalar with the sign of scalar", 0.1, 0.9, 2},
    {"_rmod_scalar", "_RModScalar", scalar_kernel<Reversed<Mod>>, rmod_gradient, "The remainder of scalar / x with the sign of x", 1.1, 1.4, 2},
    {"_power_scalar", "_PowerScalar", scalar_kernel<Power>, power_gradient, "x to the power of scalar", 0.5, 2, 2.5},
    {"_rpower_scalar", "_RPowerScalar", scalar_kernel<Reversed<Power>>, rpower_gradient, "scalar to the power of x", -1, 1, 2},
    {"_maximum_scalar", "_MaximumScalar", scalar_kernel<Maximum>, maximum_gradient, "The larger of x and scalar", -1, 1, 0.01},
    {"_minimum_scalar", "_MinimumScalar", scalar_kernel<Minimum>, minimum_gradient, "The smaller of x and scalar", -1, 1, 0.01},
    {"_hypot_scalar", "_HypotScalar", scalar_kernel<Hypot>, hypot_gradient, "sqrt(x^2 + scalar^2)", 0.5, 2, 1},
    {"_equal_scalar", "_EqualScalar", scalar_kernel<Equal>, nullptr, "1 where x == scalar, else 0", -1, 1, 0},
    {"_not_equal_scalar", "_NotEqualScalar", scalar_kernel<NotEqual>, nullptr, "1 where x != scalar, else 0", -1, 1, 0},
    {"_greater_scalar", "_GreaterScalar", scalar_kernel<Greater>, nullptr, "1 where x > scalar, else 0", -1, 1, 0},
    {"_greater_equal_scalar", "_GreaterEqualScalar", scalar_kernel<GreaterEqual>, nullptr, "1 where x >= scalar, else 0", -1, 1, 0},
    {"_lesser_scalar", "_LesserScalar", scalar_kernel<Lesser>, nullptr, "1 where x < scalar, else 0", -1, 1, 0},
    {"_lesser_equal_scalar", "_LesserEqualScalar", scalar_kernel<LesserEqual>, nullptr, "1 where x <= scalar, else 0", -1, 1, 0},
    {"_logical_and_scalar", "_LogicalAndScalar", scalar_kernel<And>, nullptr, "1 where x and scalar are both not zero, else 0", -1, 1, 1},
    {"_logical_or_scalar", "_LogicalOrScalar", scalar_kernel<Or>, nullptr, "1 where x or scalar is not zero, else 0", -1, 1, 1},
    {"_logical_xor_scalar", "_LogicalXorScalar", scalar_kernel<Xor>, nullptr, "1 where exactly one of x and scalar is not zero, else 0", -1, 1, 1},
};

}  // namespace

void register_ops(Registry& registry) {
  for (const Row& row : rows) {
    OpBuilder<ScalarParams> op(registry, row.name);
    op.alias(row.alias);
    op.param("scalar", &ScalarParams::scalar).doc("The number.");
    op.param("is_int", &ScalarParams::is_int).doc("Accepted for MXNet's files; has no effect.");
    op.input("data", "Any shape and dtype.").inplace(0, 0).kernel(row.kernel);
    //[full
    if (row.gradient) op.gradient(row.gradient);
    else op.zero_gradient();
    op.doc(std::string(row.doc) + ", elementwise, in the dtype of data.");
    op.sample({{2, 3}}, {{"scalar", row.scalar}}).range(row.low, row.high);
    op.sample({{1}}, {{"scalar", row.scalar}}).range(row.low, row.high);
    op.sample({{0, 3}}, {{"scalar", row.scalar}});
    //]
  }
}

}  // namespace mixnet::op::scalar

// The formulas that groups on GPUs are made of (op/core/gpu/group.h), by operator. tests/gpu/groups_test.cc holds each against the CPU's kernel.
#include <cctype>

#include "op/core/gpu/group.h"
#include "op/core/registry.h"
#include "op/elemwise/unary.h"

namespace mixnet::op::group_formulas {
namespace {

struct Row {
  const char *op, *expression;
};

const Row rows[] = {
    {"clip", "$0 < {a_min} ? {a_min} : $0 > {a_max} ? {a_max} : $0"},
    {"where", "static_cast<float>($0) != 0 ? $1 : $2"},
    {"add_n", "$+"},
    {"hard_sigmoid", "op::hard_sigmoid::Curve<A>(op::hard_sigmoid::Params{{alpha}, {beta}})($0)"},
    {"smooth_l1", "op::smooth_l1::Curve<A>(op::smooth_l1::Params{{scalar}})($0)"},
};

// Named by their functions: of two tensors, with and without broadcasting, and of a tensor and a number.
struct Binary {
  const char *same, *broadcast, *scalar, *reversed, *function;
};
const Binary binaries[] = {
    {"elemwise_add", "broadcast_add", "_plus_scalar", nullptr, "Add"},
    {"elemwise_sub", "broadcast_sub", "_minus_scalar", "_rminus_scalar", "Sub"},
    {"elemwise_mul", "broadcast_mul", "_mul_scalar", nullptr, "Mul"},
    {"elemwise_div", "broadcast_div", "_div_scalar", "_rdiv_scalar", "Div"},
    {"_mod", "broadcast_mod", "_mod_scalar", "_rmod_scalar", "Mod"},
    {"_power", "broadcast_power", "_power_scalar", "_rpower_scalar", "Power"},
    {"_maximum", "broadcast_maximum", "_maximum_scalar", nullptr, "Maximum"},
    {"_minimum", "broadcast_minimum", "_minimum_scalar", nullptr, "Minimum"},
    {"_hypot", "broadcast_hypot", "_hypot_scalar", nullptr, "Hypot"},
    {"_equal", "broadcast_equal", "_equal_scalar", nullptr, "Equal"},
    {"_not_equal", "broadcast_not_equal", "_not_equal_scalar", nullptr, "NotEqual"},
    {"_greater", "broadcast_greater", "_greater_scalar", nullptr, "Greater"},
    {"_greater_equal", "broadcast_greater_equal", "_greater_equal_scalar", nullptr, "GreaterEqual"},
    {"_lesser", "broadcast_lesser", "_lesser_scalar", nullptr, "Lesser"},
    {"_lesser_equal", "broadcast_lesser_equal", "_lesser_equal_scalar", nullptr, "LesserEqual"},
    {"_logical_and", "broadcast_logical_and", "_logical_and_scalar", nullptr, "And"},
    {"_logical_or", "broadcast_logical_or", "_logical_or_scalar", nullptr, "Or"},
    {"_logical_xor", "broadcast_logical_xor", "_logical_xor_scalar", nullptr, "Xor"},
};

// Of one number, without a slope.
const Row plain[] = {
    {"negative", "Negative"},
    {"abs", "Abs"},
    {"sign", "Sign"},
    {"square", "Square"},
    {"logical_not", "LogicalNot"},
    {"degrees", "Degrees"},
    {"radians", "Radians"},
    {"round", "Round"},
    {"rint", "Rint"},
    {"ceil", "Ceil"},
    {"floor", "Floor"},
    {"trunc", "Trunc"},
    {"fix", "Trunc"},
};

const Row activations[] = {
    {"relu", "Relu"}, {"sigmoid", "Sigmoid"}, {"tanh", "Tanh"}, {"softrelu", "Softrelu"}, {"softsign", "Softsign"},
};
// Of LeakyReLU.
const Row rectifiers[] = {{"leaky", "Leaky"}, {"elu", "Elu"}, {"selu", "Selu"}, {"gelu", "Gelu"}};

}  // namespace

void register_gpu(Registry&) {
  using gpu::add_formula;
  for (const Row& row : rows) add_formula(row.op, row.expression);
  for (const Binary& b : binaries) {
    const std::string function = b.function;
    for (const char* name : {b.same, b.broadcast}) add_formula(name, function + "::of<A>($0, $1)");
    add_formula(b.scalar, function + "::of<A>($0, {scalar})");
    if (b.reversed) add_formula(b.reversed, function + "::of<A>({scalar}, $0)");
  }
  for (const Row& row : plain) add_formula(row.op, std::string(row.expression) + "::of<A>($0)");
  // Their functions have their names, with a capital.
  unary::for_each_smooth([](std::string name, auto) {
    std::string function = name;
    function[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
    add_formula(name, function + "::of<A>($0)");
    add_formula("_backward_" + name, "$0 * " + function + "::slope<A>($1)");
    add_formula("_backward__backward_" + name, "$0 * " + function + "::bend<A>($1)");
  });
  for (const Row& row : activations) {
    const std::string function = std::string("op::activation::") + row.expression;
    add_formula(std::string("Activation:") + row.op, function + "::of<A>($0)");
    add_formula(std::string("_backward_Activation:") + row.op, "$0 * " + function + "::slope<A>($1)");
  }
  for (const Row& row : rectifiers) {
    const std::string function = std::string("op::leaky_relu::") + row.expression;
    add_formula(std::string("LeakyReLU:") + row.op, function + "::of<A>({slope}, $0)");
    add_formula(std::string("_backward_LeakyReLU:") + row.op, "$0 * " + function + "::slope<A>({slope}, $1)");
  }
  gpu::offer_groups();
}

}  // namespace mixnet::op::group_formulas

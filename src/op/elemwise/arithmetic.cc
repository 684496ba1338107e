// Binary arithmetic: equal shapes (elemwise_add, ...) and broadcasting (broadcast_add, ...).
#include "op/elemwise/binary.h"
#include "op/elemwise/sparse_binary.h"

namespace mixnet::op::arithmetic {
namespace {

using namespace functions;

// One row of the table: the two operators that compute one function.
struct Row {
  std::vector<std::string> same;       // name and aliases for equal shapes
  std::vector<std::string> broadcast;  // name and aliases with broadcasting
  void (*kernel)(const NoParams&, const RunContext&);
  void (*gradient)(GradientContext&);  // null: piecewise constant
  const char* doc;
  double low, high;
};

//[full
bool broadcasts(const GradientContext& g) { return g.op().name.rfind("broadcast_", 0) == 0; }
// The node of function `mul`, ..., with or without broadcasting as the operator itself.
Entry node(GradientContext& g, const std::string& function, Entry a, Entry b) {
  const std::string name = (broadcasts(g) ? "broadcast_" : "_") + function;
  return g.make(name.c_str(), {std::move(a), std::move(b)});
}
// A gradient of the output's shape, summed back to the shape of input i.
void set_reduced(GradientContext& g, int i, Entry full) {
  g.set(i, broadcasts(g) ? g.make("_sum_to_like", {std::move(full), g.input(i)}) : std::move(full));
}
Entry times(GradientContext& g, Entry a, Entry b) { return node(g, "mul", std::move(a), std::move(b)); }

void add_gradient(GradientContext& g) {
  for (int i = 0; i < 2; ++i)
    if (g.wants(i)) set_reduced(g, i, g.output_grad(0));
}
void sub_gradient(GradientContext& g) {
  if (g.wants(0)) set_reduced(g, 0, g.output_grad(0));
  if (g.wants(1)) set_reduced(g, 1, g.make("negative", {g.output_grad(0)}));
}
void mul_gradient(GradientContext& g) {
  for (int i = 0; i < 2; ++i)
    if (g.wants(i)) set_reduced(g, i, times(g, g.output_grad(0), g.input(1 - i)));
}
void div_gradient(GradientContext& g) {
  const Entry over = node(g, "div", g.output_grad(0), g.input(1));
  if (g.wants(0)) set_reduced(g, 0, over);
  if (g.wants(1)) set_reduced(g, 1, g.make("negative", {times(g, over, g.output(0))}));
}
// a mod b = a - floor(a / b) * b.
void mod_gradient(GradientContext& g) {
  if (g.wants(0)) set_reduced(g, 0, g.output_grad(0));
  if (!g.wants(1)) return;
  const Entry floor = g.make("floor", {node(g, "div", g.input(0), g.input(1))});
  set_reduced(g, 1, g.make("negative", {times(g, g.output_grad(0), floor)}));
}
void power_gradient(GradientContext& g) {
  if (g.wants(0)) {
    const Entry less = node(g, "power", g.input(0), g.make("_minus_scalar", {g.input(1)}, {{"scalar", 1.0}}));
    set_reduced(g, 0, times(g, g.output_grad(0), times(g, less, g.input(1))));
  }
  if (!g.wants(1)) return;
  set_reduced(g, 1, times(g, g.output_grad(0), times(g, g.output(0), g.make("log", {g.input(0)}))));
}
// The gradient goes to the operand that was taken; to the first where they are equal.
void pick_gradient(GradientContext& g, const char* first, const char* second) {
  const char* taken[] = {first, second};
  for (int i = 0; i < 2; ++i) {
    if (g.wants(i)) set_reduced(g, i, times(g, g.output_grad(0), node(g, taken[i], g.input(0), g.input(1))));
  }
}
void maximum_gradient(GradientContext& g) { pick_gradient(g, "greater_equal", "lesser"); }
void minimum_gradient(GradientContext& g) { pick_gradient(g, "lesser_equal", "greater"); }
void hypot_gradient(GradientContext& g) {
  const Entry over = node(g, "div", g.output_grad(0), g.output(0));
  for (int i = 0; i < 2; ++i)
    if (g.wants(i)) set_reduced(g, i, times(g, over, g.input(i)));
}
//]

// clang-format off
const Row rows[] = {
    {{"elemwise_add", "_add", "_plus", "_Plus", "_grad_add"}, {"broadcast_add", "broadcast_plus"},
     binary_kernel<Add>, MIXNET_RULE(add_gradient), "a + b", -1, 1},
    {{"elemwise_sub", "_sub", "_minus", "_Minus"}, {"broadcast_sub", "broadcast_minus"},
     binary_kernel<Sub>, MIXNET_RULE(sub_gradient), "a - b", -1, 1},
    {{"elemwise_mul", "_mul", "_Mul"}, {"broadcast_mul"},
     binary_kernel<Mul>, MIXNET_RULE(mul_gradient), "a * b", -1, 1},
    {{"elemwise_div", "_div", "_Div"}, {"broadcast_div"},
     binary_kernel<Div>, MIXNET_RULE(div_gradient),
     "a / b; integers are divided as integers, by zero gives zero", 0.5, 2},
    {{"_mod", "_Mod"}, {"broadcast_mod"},
     binary_kernel<Mod>, MIXNET_RULE(mod_gradient),
     "The remainder of a / b with the sign of b; zero where b is zero", 0.6, 2},
    {{"_power", "_Power"}, {"broadcast_power"},
     binary_kernel<Power>, MIXNET_RULE(power_gradient), "a to the power of b", 0.5, 2},
    {{"_maximum", "_Maximum"}, {"broadcast_maximum"},
     binary_kernel<Maximum>, MIXNET_RULE(maximum_gradient), "The larger of a and b", -1, 1},
    {{"_minimum", "_Minimum"}, {"broadcast_minimum"},
     binary_kernel<Minimum>, MIXNET_RULE(minimum_gradient), "The smaller of a and b", -1, 1},
    {{"_hypot", "_Hypot"}, {"broadcast_hypot"},
     binary_kernel<Hypot>, MIXNET_RULE(hypot_gradient), "sqrt(a^2 + b^2)", 0.5, 2},
};
// clang-format on

}  // namespace

void register_ops(Registry& registry) {
  for (const Row& row : rows) {
    for (const auto* names : {&row.same, &row.broadcast}) {
      OpBuilder<> op(registry, (*names)[0]);
      for (size_t i = 1; i < names->size(); ++i) op.alias((*names)[i]);
      op.input("lhs", "The first operand.")
          .input("rhs", "The second operand, of the same dtype.")
          .kernel(row.kernel)
          .pointwise();
      if (names == &row.broadcast) op.infer_shape(infer_broadcast);
      else op.inplace(0, 0).inplace(1, 0);
      //[full
      op.gradient(row.gradient);
      const std::string name = row.same[0];
      if (names == &row.same && name == "elemwise_add")
        op.sparse(sparse_binary::same_kinds, sparse_binary::kernel<Add, true>);
      if (names == &row.same && name == "elemwise_sub")
        op.sparse(sparse_binary::same_kinds, sparse_binary::kernel<Sub, true>);
      if (names == &row.same && name == "elemwise_mul")
        op.sparse(sparse_binary::either_kind, sparse_binary::kernel<Mul, false>);
      const bool broadcast = names == &row.broadcast;
      op.doc(std::string(row.doc) + (broadcast ? ", with broadcasting as NumPy does it." : ". Equal shapes."));
      op.sample({{2, 3}, {2, 3}}).range(row.low, row.high);
      op.sample({{1}, {1}}).range(row.low, row.high);
      op.sample({{0, 2}, {0, 2}});
      if (!broadcast) continue;
      op.sample({{2, 3}, {1, 3}}).range(row.low, row.high);
      op.sample({{2, 1, 4}, {2, 3, 1}}).range(row.low, row.high);
      op.sample({{3}, {2, 3}}).range(row.low, row.high);
      op.sample({{2, 2, 3}, Shape()}).range(row.low, row.high);
      //]
    }
  }
}

}  // namespace mixnet::op::arithmetic

// Operators that move values without changing them: what goes, what must stay, and the same bits.
#include "pass/cancel.h"

#include <cmath>

#include "pass_bench.h"

namespace mixnet::test {
namespace {

Entry transposed(const Entry& x, const Shape& axes) { return make_node("transpose", {x}, {{"axes", axes}}); }
Entry reshaped(const Entry& x, const Shape& shape) { return make_node("Reshape", {x}, {{"shape", shape}}); }
Entry relu(const Entry& x) { return make_node("relu", {x}); }

// Operators left of one head, which still has the same bits or is as close as asked.
int left(const PassBench& bench, const Entry& head, double tolerance = 0) {
  const std::vector<Entry> after = cancel(bench.typed({head}));
  bench.check_same({head}, after, tolerance);
  return count_operators(after);
}

}  // namespace

TEST_CASE("cancel: transpositions of transpositions") {
  PassBench bench;
  const Entry x = bench.variable({2, 3, 4}), row = bench.variable({2, 1, 5});
  CHECK(left(bench, relu(transposed(transposed(x, {1, 2, 0}), {2, 0, 1}))) == 1);
  CHECK(left(bench, relu(transposed(transposed(x, {1, 2, 0}), {1, 2, 0}))) == 2);
  CHECK(left(bench, relu(make_node("transpose", {make_node("transpose", {x})}))) == 1);
  const auto swap = [](const Entry& e, int a, int b) { return make_node("SwapAxis", {e}, {{"dim1", a}, {"dim2", b}}); };
  CHECK(left(bench, relu(swap(swap(x, 0, -1), 2, 0))) == 1);
  CHECK(left(bench, relu(transposed(swap(x, 0, 1), {1, 0, 2}))) == 1);
  CHECK(left(bench, relu(transposed(x, {0, 1, 2}))) == 1);
  // Three in a row, and one that only moves an axis of extent 1.
  CHECK(left(bench, relu(transposed(transposed(transposed(x, {1, 0, 2}), {0, 2, 1}), {2, 1, 0}))) == 2);
  const std::vector<Entry> unit = cancel(bench.typed({relu(transposed(row, {1, 0, 2}))}));
  CHECK(count_operators(unit, "transpose") == 0);
  CHECK(count_operators(unit, "Reshape") == 1);
}

TEST_CASE("cancel: reshapes of reshapes") {
  PassBench bench;
  const Entry x = bench.variable({2, 3, 4});
  CHECK(left(bench, relu(reshaped(reshaped(x, {6, 4}), {2, 12}))) == 2);
  CHECK(left(bench, relu(reshaped(make_node("Flatten", {x}), {2, 3, 4}))) == 1);
  CHECK(left(bench, relu(make_node("squeeze", {make_node("expand_dims", {x}, {{"axis", 1}})}, {{"axis", Shape{1}}}))) ==
        1);
  CHECK(left(bench, relu(make_node("Flatten", {make_node("expand_dims", {reshaped(x, {24})}, {{"axis", 0}})}))) == 2);
}

TEST_CASE("cancel: what gives its input back is left out, but not as a head") {
  PassBench bench;
  const Entry x = bench.variable({2, 3}), like = bench.variable({2, 3});
  CHECK(left(bench, relu(make_node("_copy", {x}))) == 1);
  CHECK(left(bench, make_node("_copy", {x})) == 1);
  CHECK(left(bench, relu(make_node("BlockGrad", {x}))) == 1);
  CHECK(left(bench, relu(make_node("Cast", {x}, {{"dtype", "float32"}}))) == 1);
  CHECK(left(bench, relu(make_node("Cast", {x}, {{"dtype", "float64"}}))) == 2);
  CHECK(left(bench, relu(make_node("slice_axis", {x}, {{"axis", 1}, {"begin", 0}, {"end", 3}}))) == 1);
  CHECK(left(bench, relu(make_node("slice_axis", {x}, {{"axis", 1}, {"begin", 0}, {"end", 2}}))) == 2);
  CHECK(left(bench, relu(make_node("slice_like", {x, like}))) == 1);
  CHECK(left(bench, relu(make_node("slice", {x}, {{"begin", Shape{0, 0}}, {"end", Shape{2, 3}}}))) == 1);
  // Reversed: the same shape, other values.
  CHECK(left(bench, relu(make_node("slice", {x},
                                   {{"begin", "(None, None)"}, {"end", "(None, None)"}, {"step", "(1, -1)"}}))) == 2);
  CHECK(left(bench, relu(make_node("tile", {x}, {{"reps", Shape{1, 1}}}))) == 1);
  CHECK(left(bench, relu(make_node("broadcast_to", {x}, {{"shape", Shape{2, 3}}}))) == 1);
  CHECK(left(bench, relu(make_node("_mul_scalar", {x}, {{"scalar", 1.0}}))) == 1);
  CHECK(left(bench, relu(make_node("_mul_scalar", {x}, {{"scalar", -1.0}}))) == 2);
}

TEST_CASE("cancel: x + 0 is not x where x is -0") {
  PassBench bench;
  const Entry x = bench.variable({2});
  bench.values.at(x.node.get()).set(0, -0.0);
  const Entry sum = make_node("_plus_scalar", {x}, {{"scalar", 0.0}});
  CHECK(left(bench, make_node("_rdiv_scalar", {sum}, {{"scalar", 1.0}})) == 2);
}

TEST_CASE("cancel: products read transposed matrices as they were") {
  PassBench bench;
  for (bool ta : {false, true}) {
    for (bool tb : {false, true}) {
      const Attributes flags{{"transpose_a", ta}, {"transpose_b", tb}};
      const Entry a = bench.variable(ta ? Shape{37, 65} : Shape{65, 37}),
                  b = bench.variable(tb ? Shape{20, 37} : Shape{37, 20});
      // (65, 37) or its transpose, turned round once more.
      CHECK(left(bench,
                 make_node("dot", {make_node("transpose", {a}), make_node("transpose", {b})},
                           {{"transpose_a", !ta}, {"transpose_b", !tb}}),
                 1e-5) == 1);
      const Entry c = bench.variable(ta ? Shape{3, 37, 65} : Shape{3, 65, 37}),
                  d = bench.variable(tb ? Shape{3, 20, 37} : Shape{3, 37, 20});
      CHECK(left(bench, make_node("batch_dot", {transposed(transposed(c, {0, 2, 1}), {0, 2, 1}), d}, flags)) == 1);
      CHECK(left(bench,
                 make_node("batch_dot", {transposed(c, {0, 2, 1}), d}, {{"transpose_a", !ta}, {"transpose_b", tb}}),
                 1e-5) == 1);
    }
  }
  // Only the last two axes.
  const Entry e = bench.variable({3, 3, 3});
  CHECK(left(bench, make_node("batch_dot", {transposed(e, {2, 1, 0}), e})) == 2);
}

TEST_CASE("cancel: a copy of a state that changes keeps its moment") {
  PassBench bench;
  const Entry x = bench.variable({4, 3}), gamma = bench.variable({3}), beta = bench.variable({3}),
              mean = bench.variable({3}), variance = bench.variable({3}), dy = bench.variable({4, 3});
  const auto grads = PlainNodeBuilder().make(registry().at("_backward_BatchNorm"),
                                             registry().at("_backward_BatchNorm").make_params({}),
                                             {dy, x, gamma, mean, gamma, mean, variance}, "back");
  const Entry before = make_node("_copy", {mean});
  const std::vector<Entry> heads{make_node("elemwise_add", {before, grads[2]})};
  const std::vector<Entry> after = cancel(bench.typed(heads));
  CHECK(count_operators(after, "_copy") == 1);
  bench.check_same(heads, after);
}

}  // namespace mixnet::test

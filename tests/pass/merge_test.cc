// Common subexpressions: what becomes one node, and what must stay two.
#include "pass/merge.h"

#include <cmath>

#include "pass/gradient.h"
#include "pass_bench.h"

namespace mixnet::test {

TEST_CASE("merge: equal parameters and inputs are one node, whole chains too") {
  PassBench bench;
  const Entry x = bench.variable({3, 4}), y = bench.variable({3, 4});
  const auto chain = [&](double by) {
    return make_node("tanh", {make_node("_mul_scalar", {make_node("elemwise_add", {x, y})}, {{"scalar", by}})});
  };
  const std::vector<Entry> heads{make_node("elemwise_mul", {chain(0.5), chain(0.5)}),
                                 make_node("elemwise_mul", {chain(0.5), chain(0.25)})};
  const std::vector<Entry> merged = merge(bench.typed(heads));
  CHECK(count_operators(merged) == 7);
  CHECK(count_operators(merged, "elemwise_add") == 1);
  CHECK(count_operators(merged, "_mul_scalar") == 2);
  bench.check_same(heads, merged);
  // Other inputs or another order of them are another value; nothing to merge leaves the graph alone.
  const std::vector<Entry> others{make_node("elemwise_sub", {x, y}), make_node("elemwise_sub", {y, x})};
  CHECK(merge(bench.typed(others)) == others);
}

TEST_CASE("merge: parameters that differ in the last digit differ") {
  PassBench bench;
  const Entry x = bench.variable({5});
  const double a = 0.1, b = std::nextafter(a, 1.0);
  const std::vector<Entry> heads{make_node("elemwise_add", {make_node("_mul_scalar", {x}, {{"scalar", a}}),
                                                            make_node("_mul_scalar", {x}, {{"scalar", b}})})};
  CHECK(merge(bench.typed(heads)) == heads);
}

TEST_CASE("merge: every head keeps an entry of its own") {
  PassBench bench;
  const Entry x = bench.variable({2, 3}), w = bench.variable({4, 3}), b = bench.variable({4});
  const auto full = [&] { return make_node("FullyConnected", {x, w, b}, {{"num_hidden", 4}}); };
  const std::vector<Entry> heads{full(), full(), make_node("relu", {full()})};
  const std::vector<Entry> merged = merge(bench.typed(heads));
  CHECK(count_operators(merged, "FullyConnected") == 1);
  CHECK(count_operators(merged, "_copy") == 1);
  CHECK_FALSE(merged[0] == merged[1]);
  bench.check_same(heads, merged);
}

TEST_CASE("merge: draws, changes of state and readers of changing states stay as they are") {
  PassBench bench;
  const Entry x = bench.variable({4, 3});
  const std::vector<Entry> drops{make_node("elemwise_add", {make_node("Dropout", {x}), make_node("Dropout", {x})})};
  CHECK(merge(bench.typed(drops)) == drops);
  // With such parameters there is nothing to draw.
  const auto leaky = [&] { return make_node("LeakyReLU", {x}, {{"act_type", "elu"}}); };
  CHECK(count_operators(merge(bench.typed({make_node("elemwise_add", {leaky(), leaky()})})), "LeakyReLU") == 1);

  const Entry gamma = bench.variable({3}), beta = bench.variable({3}), mean = bench.variable({3}),
              variance = bench.variable({3});
  const auto norm = [&] { return make_node("BatchNorm", {x, gamma, beta, mean, variance}); };
  const std::vector<Entry> forward{make_node("elemwise_add", {norm(), norm()})};
  CHECK(count_operators(merge(bench.typed(forward)), "BatchNorm") == 1);
  // In training each of them moves the statistics.
  std::vector<Entry> heads{forward[0]};
  for (const Entry& g : gradient(heads, {bench.variable({4, 3})}, {x, gamma})) heads.push_back(g);
  const std::vector<Entry> merged = merge(bench.typed(heads, 1));
  CHECK(count_operators(merged, "BatchNorm") == 2);
  CHECK(count_operators(merged, "_backward_BatchNorm") == 2);
  bench.check_same(heads, merged);
}

TEST_CASE("merge: backward takes a forward value only where that one is kept anyway") {
  PassBench bench;
  const Entry x = bench.variable({64, 64}), dy = bench.variable({64, 64});
  const auto exp = [&] { return make_node("exp", {x}); };
  const Entry total = make_node("sum", {exp()});
  // Nobody reads exp(x) in backward but through a node of its own.
  const std::vector<Entry> apart{total, make_node("elemwise_mul", {dy, exp()})};
  CHECK(count_operators(merge(bench.typed(apart, 1)), "exp") == 2);
  bench.check_same(apart, merge(bench.typed(apart, 1)));
  // The rule of exp reads its output, so a second exp of backward costs nothing.
  const Entry y = exp();
  const std::vector<Entry> kept{make_node("sum", {y}), make_node("elemwise_mul", {dy, y}),
                                make_node("elemwise_mul", {make_node("square", {dy}), exp()})};
  CHECK(count_operators(merge(bench.typed(kept, 1)), "exp") == 1);
  bench.check_same(kept, merge(bench.typed(kept, 1)));
}

TEST_CASE("merge: a graph that would keep more bytes alive stays as it is") {
  PassBench bench;
  const Entry x = bench.variable({1, 8});
  const auto wide = [&] { return make_node("broadcast_to", {x}, {{"shape", Shape{1000, 8}}}); };
  // Kept from the first sum to the last, the wide value would lie beside the big one in between.
  const Entry first = make_node("sum", {wide()}, {{"axis", Shape{0}}, {"keepdims", true}});
  const Entry middle = make_node("sum", {make_node("broadcast_to", {first}, {{"shape", Shape{1000, 8}}})},
                                 {{"axis", Shape{0}}, {"keepdims", true}});
  const std::vector<Entry> heads{middle, make_node("sum", {wide()})};
  const std::vector<Entry> merged = merge(bench.typed(heads));
  CHECK(merged == heads);
  CHECK(peak_bytes(bench.typed(merged)) <= peak_bytes(bench.typed(heads)));
}

}  // namespace mixnet::test

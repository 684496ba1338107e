// Fused graphs against the same graphs unfused: fewer steps, the same bits.
#include "pass/fuse.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

#include "evaluate.h"
#include "executor/executor.h"
#include "pass/gradient.h"
#include "pass/infer.h"

namespace mixnet {
namespace {

using test::evaluate;
using test::random_tensor;
using test::Tensor;

Entry node(const char* op, std::vector<Entry> inputs, const Attributes& params = {}) {
  static int count = 0;
  const OpSchema& schema = registry().at(op);
  return PlainNodeBuilder().make(schema, schema.make_params(params), std::move(inputs),
                                 std::string(op) + std::to_string(count++))[0];
}

struct Bench {
  std::vector<NodePtr> variables;
  std::map<const Node*, Tensor> values;

  Entry variable(const Shape& shape, DType dtype = DType::f32) {
    variables.push_back(make_variable("x" + std::to_string(variables.size())));
    values.emplace(variables.back().get(), random_tensor(shape, dtype, 0.5, 1.5, variables.size()));
    return {variables.back(), 0};
  }

  std::vector<Entry> fused(const std::vector<Entry>& heads, int num_forward_heads) const {
    const Graph graph(heads);
    std::vector<Shape> shapes(static_cast<size_t>(graph.num_entries()), Shape::unknown());
    std::vector<DType> types(shapes.size(), DType::unknown);
    for (const NodePtr& v : variables) {
      if (!graph.contains(v.get())) continue;
      const size_t entry = static_cast<size_t>(graph.entry(graph.id(v.get()), 0));
      shapes[entry] = values.at(v.get()).shape();
      types[entry] = values.at(v.get()).dtype();
    }
    shapes = infer_shapes(graph, shapes);
    types = infer_types(graph, types);
    return fuse({graph, shapes, types, num_forward_heads});
  }

  void check_same(const std::vector<Entry>& heads, const std::vector<Entry>& others) {
    const Graph a(heads), b(others);
    const std::vector<Tensor> x = evaluate(a, values), y = evaluate(b, values);
    for (size_t i = 0; i < heads.size(); ++i) {
      const Tensor& result = x[static_cast<size_t>(a.entry(heads[i]))];
      const std::vector<double> want = result.values();
      const std::vector<double> got = y[static_cast<size_t>(b.entry(others[i]))].values();
      // Fused, 16-bit values are not rounded on the way.
      const double rounding = result.dtype() == DType::bf16 ? 0x1p-7 : result.dtype() == DType::f16 ? 0x1p-10 : 0;
      const auto same = [&](double p, double q) {
        return p == q || (std::isnan(p) && std::isnan(q)) || std::fabs(p - q) <= rounding * std::fabs(p);
      };
      CHECK(std::equal(want.begin(), want.end(), got.begin(), got.end(), same));
    }
    for (const Tensor& t : y) CHECK(test::guards_intact(t));
  }
};

int num_operators(const std::vector<Entry>& heads) {
  const Graph graph(heads);
  int count = 0;
  for (int id = 0; id < graph.num_nodes(); ++id) count += !graph.node(id)->is_variable();
  return count;
}

}  // namespace

TEST_CASE("fuse: a * b + 1 is one kernel, whatever its size and dtype") {
  for (DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i32}) {
    for (const Shape& shape : {Shape{1}, Shape{3, 5}, Shape{2048}, Shape{100, 1001}, Shape{}}) {
      Bench bench;
      const Entry a = bench.variable(shape, dtype), b = bench.variable(shape, dtype);
      const std::vector<Entry> heads{node("_plus_scalar", {node("elemwise_mul", {a, b})}, {{"scalar", 1.0}})};
      const std::vector<Entry> one = bench.fused(heads, 1);
      CHECK(num_operators(one) == 1);
      bench.check_same(heads, one);
    }
  }
}

TEST_CASE("fuse: a value that somebody else has read before is not moved behind the reader") {
  Bench bench;
  const Entry x = bench.variable({4, 6});
  const Entry square = node("square", {x});
  const Entry total = node("sum", {square}, {{"axis", Shape{1}}, {"keepdims", true}});
  // square is read by sum, and the product needs both.
  const std::vector<Entry> heads{node("broadcast_mul", {square, total}), node("exp", {square})};
  const std::vector<Entry> others = bench.fused(heads, 2);
  bench.check_same(heads, others);
}

TEST_CASE("fuse: shapes, dtypes, states and parts that must not meet stay apart") {
  Bench bench;
  const Entry x = bench.variable({4, 6}), row = bench.variable({1, 6});
  CHECK(num_operators(bench.fused({node("exp", {node("broadcast_add", {x, row})})}, 1)) == 2);
  CHECK(num_operators(bench.fused({node("exp", {node("Cast", {node("exp", {x})}, {{"dtype", "float64"}})})}, 1)) == 3);
  CHECK(num_operators(bench.fused({node("Reshape", {node("exp", {x})}, {{"shape", Shape{24}}})}, 1)) == 2);
  CHECK(num_operators(bench.fused({node("exp", {bench.variable({0, 3})})}, 1)) == 1);
  // Forward part: exp; the rest belongs to backward.
  const Entry y = node("exp", {x});
  const std::vector<Entry> parts = bench.fused({y, node("negative", {node("square", {y})})}, 1);
  CHECK(num_operators(parts) == 2);
  bench.check_same({y, node("negative", {node("square", {y})})}, parts);
}

TEST_CASE("fuse: random programs give the same bits, gradients too") {
  const char* unary[] = {"exp", "tanh", "square", "negative", "sqrt", "sigmoid", "relu", "log1p"};
  const char* binary[] = {"elemwise_add", "elemwise_mul", "elemwise_sub", "broadcast_maximum"};
  int before = 0, after = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
    Bench bench;
    const Shape shape{3, static_cast<int64_t>(1 + below(2000))};
    std::vector<Entry> pool;
    for (int i = 0; i < 3; ++i) pool.push_back(bench.variable(shape));
    const std::vector<Entry> inputs = pool;
    for (int i = 0; i < 25; ++i) {
      const Entry a = pool[pool.size() - 1 - below(std::min<size_t>(pool.size(), 6))], b = pool[below(pool.size())];
      switch (below(6)) {
        case 0: pool.push_back(node(binary[below(4)], {a, b})); break;
        case 1: pool.push_back(node("_mul_scalar", {a}, {{"scalar", 0.5}})); break;
        case 2: pool.push_back(node("add_n", {a, b, a}, {{"num_args", 3}})); break;
        case 3:
          pool.push_back(
              node("broadcast_div",
                   {a, node("_plus_scalar", {node("sum", {node("abs", {b})}, {{"axis", Shape{1}}, {"keepdims", true}})},
                            {{"scalar", 1.0}})}));
          break;
        default: pool.push_back(node(unary[below(8)], {a}));
      }
      // Keeps values in a range where nothing overflows.
      if (i % 3 == 2) pool.push_back(node("clip", {pool.back()}, {{"a_min", 0.1}, {"a_max", 2.0}}));
    }
    std::vector<Entry> heads{pool.back(), pool[pool.size() - 3]},
        head_grads{bench.variable(shape), bench.variable(shape)};
    for (const Entry& g : gradient(heads, head_grads, inputs)) {
      if (g && !g.node->is_variable()) heads.push_back(g);
    }
    const std::vector<Entry> fused = bench.fused(heads, 2);
    before += num_operators(heads);
    after += num_operators(fused);
    bench.check_same(heads, fused);
  }
  CHECK(after * 3 < before * 2);
}

TEST_CASE("fuse: bound graphs share memory and agree with fusion off") {
  const auto v = [](const char* name) { return Symbol::variable(name); };
  const auto apply = [](const char* op, std::vector<Symbol> inputs, const Attributes& params = {}) {
    std::vector<std::pair<std::string, Symbol>> named;
    for (Symbol& s : inputs) named.emplace_back("", std::move(s));
    return Symbol::create(registry().at(op), params, {}, named, "");
  };
  Symbol net = v("a");
  for (int i = 0; i < 10; ++i)
    net = apply("tanh", {apply("_plus_scalar", {apply("elemwise_mul", {net, v("b")})}, {{"scalar", 0.1}})});
  SimpleBindArguments arguments;
  arguments.shapes = {{"a", {50, 60}}};
  std::vector<std::vector<float>> results[2];
  int64_t planned[2] = {};
  for (int fusion : {0, 1}) {
    setenv("MIXNET_FUSION", fusion ? "1" : "0", 1);
    const auto e = simple_bind(net, {}, arguments);
    for (const NDArray& a : e->bound().arguments) {
      const Tensor start = random_tensor(a.shape(), DType::f32, -1, 1, 5);
      std::vector<float> values;
      for (double x : start.values()) values.push_back(static_cast<float>(x));
      a.copy_from_host(values.data(), a.bytes());
    }
    e->forward(true);
    e->backward({});
    for (const NDArray& a : {e->outputs()[0], e->bound().gradients[0], e->bound().gradients[1]}) {
      std::vector<float> values(static_cast<size_t>(a.size()));
      a.copy_to_host(values.data(), a.bytes());
      results[fusion].push_back(values);
    }
    planned[fusion] = e->memory(true).planned;
  }
  unsetenv("MIXNET_FUSION");
  CHECK(results[0] == results[1]);
  CHECK(planned[1] <= planned[0]);
}

}  // namespace mixnet

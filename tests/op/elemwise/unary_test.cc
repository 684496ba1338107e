// Accuracy and edges of the functions of one number; numbers from SciPy 1.10 and MXNet 1.9.1.
#include <doctest/doctest.h>

#include <cmath>

#include "../run_op.h"
#include "pass/gradient.h"

namespace mixnet::test {
namespace {

constexpr double inf = INFINITY;

Tensor map(const std::string& op, const std::vector<double>& x, DType dtype = DType::f64) {
  return run_op(op.c_str(), {tensor(Shape{static_cast<int64_t>(x.size())}, x, dtype)})[0];
}

// dy/dx at every x, from the operator's own rule.
std::vector<double> slopes(const std::string& op, const std::vector<double>& x, DType dtype = DType::f64) {
  const Shape shape{static_cast<int64_t>(x.size())};
  const NodePtr data = make_variable("data"), head = make_variable("head");
  PlainNodeBuilder builder;
  const OpSchema& schema = registry().at(op);
  const std::vector<Entry> y = builder.make(schema, schema.make_params({}), {{data, 0}}, "f");
  const Graph graph(gradient(y, {{head, 0}}, {{data, 0}}));
  std::map<const Node*, Tensor> values;
  values.emplace(data.get(), tensor(shape, x, dtype));
  values.emplace(head.get(), tensor(shape, std::vector<double>(x.size(), 1), dtype));
  return evaluate(graph, values)[static_cast<size_t>(graph.entry(graph.heads()[0]))].values();
}

void check_close(const std::string& what, const std::vector<double>& got, const std::vector<double>& want,
                 double error) {
  INFO(what);
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const bool same = got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]));
    CHECK_MESSAGE((same || std::fabs(got[i] - want[i]) <= error * std::fabs(want[i])), "[", i, "] expected ", want[i],
                  ", got ", got[i]);
  }
}

}  // namespace

TEST_CASE("functions keep their digits where it is hard") {
  struct Row {
    const char* op;
    std::vector<double> x, y;
  };
  const Row rows[] = {
      {"erfinv",
       {1e-10, 0.1, 0.5, 0.9, 0.999999, -0.7, 1 - std::ldexp(1.0, -50)},
       {8.862269254527581e-11, 0.08885599049425769, 0.4769362762044699, 1.1630871536766743, 3.458910737275499,
        -0.7328690779592167, 5.686128441310391}},
      {"erfinv", {1, -1, 1.5, NAN}, {inf, -inf, NAN, NAN}},
      {"gamma", {-0.5, -1.5, 0.1, 5, 0, -1}, {-3.5449077018110318, 2.363271801207355, 9.513507698668732, 24, inf, NAN}},
      {"gammaln", {-20.5, 0.1, 5, 0, -3}, {-42.70719597482576, 2.252712651734206, 3.1780538303479458, inf, inf}},
      {"log1p", {1e-20, -1, -2}, {1e-20, -inf, NAN}},
      {"expm1", {1e-20, -800, 800}, {1e-20, -1, inf}},
      {"sigmoid", {-1000, -30, 0, 40, 1000, inf, -inf}, {0, 9.357622968839299e-14, 0.5, 1, 1, 1, 0}},
      {"round", {-2.5, -0.5, 0.5, 1.5, 0.49999999999999994, inf, NAN}, {-3, -1, 1, 2, 0, inf, NAN}},
      {"rint", {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, -inf, NAN}, {-3, -2, -1, 0, 1, 2, -inf, NAN}},
      {"fix", {-2.5, -0.5, 2.5}, {-2, 0, 2}},
      {"sign", {-3, 0, 3, NAN}, {-1, 0, 1, 0}},
      {"relu", {-3, 0, 3, NAN, -inf}, {0, 0, 3, NAN, 0}},
  };
  for (const Row& row : rows) check_close(row.op, map(row.op, row.x).values(), row.y, 1e-13);
  check_close("float expm1", map("expm1", {1e-20, -30}, DType::f32).values(), {1e-20, -1}, 1e-7);
  check_close("float erfinv", map("erfinv", {0.9999999}, DType::f32).values(), {3.7439212799072266}, 1e-6);
}

TEST_CASE("float exp, sigmoid and tanh are right to the last places") {
  std::vector<double> x = {0,    -0.0, 1e-30, -1e-30, 0.625,  88.72283, 88.73, 89,
                           1e30, inf,  -87.5, -103.9, -104.5, -1e30,    -inf,  NAN};
  for (int i = 0; i <= 20000; ++i) x.push_back(-105 + i * 0.0097);
  for (int i = 0; i <= 2000; ++i) x.push_back(-1.0007 + i * 0.001);
  for (double& v : x) v = static_cast<float>(v);
  for (const char* op : {"exp", "sigmoid", "tanh"}) {
    INFO(std::string(op));
    const Tensor got = map(op, x, DType::f32), want = map(op, x, DType::f64);
    double worst = 0;
    for (int64_t i = 0; i < got.size(); ++i) {
      const double exact = want.get(i), y = got.get(i);
      if (y == static_cast<double>(static_cast<float>(exact)) || (std::isnan(y) && std::isnan(exact))) continue;
      // Below this sigmoid is 0: its e^-x is infinite.
      if (std::string(op) == "sigmoid" && exact < 2e-38) continue;
      const double unit = std::ldexp(1.0, std::max(std::ilogb(exact), -126) - 23);
      worst = std::max(worst, std::fabs(y - exact) / unit);
    }
    CHECK(worst <= (std::string(op) == "sigmoid" ? 3 : 2));
  }
  CHECK(std::signbit(map("tanh", {-0.0}, DType::f32).get(0)));
}

TEST_CASE("slopes keep their digits where it is hard") {
  struct Row {
    const char* op;
    std::vector<double> x, slope;
  };
  // The slope of gammaln is digamma: near its poles, by reflection and by the series.
  const Row rows[] = {
      {"gammaln",
       {-0.5, -10.25, 1e-8, 0.1, 3, 100.5},
       {0.03648997397857651, 5.516858419886274, -100000000.57721564, -10.423754940411076, 0.9227843350984671,
        4.605174352581845}},
      {"gammaln", {-0.999999, -2.000001, -3}, {-999999.5771780586, 1000000.9226416623, NAN}},
      {"gamma",
       {-0.5, -1.5, 5, -20.5},
       {-0.12935358979554, 1.6617502606685972, 36.14682404236321, -8.630443262516976e-19}},
      {"expm1", {-30, 8}, {std::exp(-30), std::exp(8)}},
      {"softsign", {-1e4, 1e8}, {1 / (10001.0 * 10001.0), 1 / ((1 + 1e8) * (1 + 1e8))}},
      {"sqrt", {0, 4}, {inf, 0.25}},
      {"sigmoid", {-1000, 0, 1000}, {0, 0.25, 0}},
      {"relu", {-1, 0, 1}, {0, 0, 1}},
      {"abs", {-1, 0, 1}, {-1, 0, 1}},
  };
  for (const Row& row : rows) check_close(row.op, slopes(row.op, row.x), row.slope, 1e-11);
  check_close("float softsign", slopes("softsign", {-1e4}, DType::f32), {9.998000649602545e-09}, 1e-6);
  check_close("smooth_l1", slopes("smooth_l1", {-3, -1, -0.5, 0, 1, 2}), {-1, -1, -0.5, 0, 1, 1}, 0);
  check_close("hard_sigmoid", slopes("hard_sigmoid", {-3, -2.5, -1, 2.5, 3}), {0, 0, 0.2, 0, 0}, 1e-15);
}

TEST_CASE("smooth_l1 and hard_sigmoid have MXNet's values") {
  const Tensor x = tensor(Shape{5}, {-3, -0.25, 0.1, inf, NAN}, DType::f64);
  check_close("smooth_l1", run_op("smooth_l1", {x}, {{"scalar", 2.0}})[0].values(), {2.875, 0.125, 0.02, inf, NAN},
              1e-14);
  check_close("hard_sigmoid", run_op("hard_sigmoid", {x})[0].values(), {0, 0.45, 0.52, 1, NAN}, 1e-14);
}

TEST_CASE("16-bit floats are computed in float in blocks of any size") {
  for (int64_t n : {1, 511, 512, 513, 20000}) {
    for (const DType dtype : {DType::f16, DType::bf16}) {
      const Tensor x = random_tensor(Shape{n}, dtype, -2, 2, 3);
      const Tensor y = run_op("exp", {x})[0], want = run_op("exp", {x.cast(DType::f32)})[0].cast(dtype);
      CHECK(y.values() == want.values());
    }
  }
}

TEST_CASE("functions that make sense for integers take them, the others refuse") {
  for (const DType dtype : {DType::u8, DType::i8, DType::i32, DType::i64}) {
    for (const char* op : {"round", "rint", "ceil", "floor", "trunc", "fix", "abs"}) {
      CHECK(map(op, {0, 1, 2, 4}, dtype).values() == std::vector<double>{0, 1, 2, 4});
      CHECK(map(op, {0, 1}, dtype).dtype() == dtype);
    }
    CHECK(map("square", {0, 3}, dtype).values() == std::vector<double>{0, 9});
    CHECK_THROWS_WITH_AS(map("exp", {1}, dtype), doctest::Contains("data: expected a float dtype, got "), Error);
    CHECK_THROWS_WITH_AS(map("hard_sigmoid", {1}, dtype), doctest::Contains("data: expected a float dtype"), Error);
    CHECK_THROWS_WITH_AS(map("smooth_l1", {1}, dtype), doctest::Contains("data: expected a float dtype"), Error);
  }
  CHECK(map("sign", {-3, 0, 5}, DType::i32).values() == std::vector<double>{-1, 0, 1});
  CHECK(map("negative", {2}, DType::u8).values() == std::vector<double>{254});
  CHECK(map("abs", {-9223372036854775808.0}, DType::i64).values() == std::vector<double>{-9223372036854775808.0});
  CHECK(map("logical_not", {0, 1}, DType::boolean).values() == std::vector<double>{1, 0});
}

TEST_CASE("one forward value is kept for the backward pass") {
  for (const char* name : {"exp", "sin", "tanh", "erf"}) {
    const OpSchema& op = registry().at(name);
    const NodePtr data = make_variable("data"), head = make_variable("head");
    PlainNodeBuilder builder;
    const std::vector<Entry> y = builder.make(op, op.make_params({}), {{data, 0}}, "f");
    const std::vector<Entry> grads = gradient(y, {{head, 0}}, {{data, 0}});
    CHECK(grads[0].node->inputs.size() == 2);
  }
}

}  // namespace mixnet::test

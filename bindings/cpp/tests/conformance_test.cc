// Replays tests/conformance: operators, models, trainings, random numbers.
#include <cstdlib>
#include <mixnet/operator_table.hpp>

#include "handles.h"

using namespace mixnet;
using Words = std::vector<std::string>;

namespace {

// MIXNET_CONFORMANCE in the environment names another folder of cases.
const char* const given = std::getenv("MIXNET_CONFORMANCE");
const std::string folder = std::string(given ? given : MIXNET_CONFORMANCE) + "/";

// One case: for each first word the lines that begin with it, without it.
struct Case {
  std::string name;
  std::map<std::string, std::vector<Words>> lines;
  const std::vector<Words>& all(const std::string& word) const {
    static const std::vector<Words> none;
    const auto found = lines.find(word);
    return found == lines.end() ? none : found->second;
  }
  const std::string& one(const std::string& word) const { return all(word).at(0).at(0); }
};

std::vector<Case> read(const std::string& stem) {
  std::ifstream file(folder + stem + ".txt");
  REQUIRE(file);
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    Words words = detail::words(line.c_str());
    if (words.empty()) continue;
    const std::string first = words[0];
    words.erase(words.begin());
    if (first == "case") cases.push_back({words[0], {}});
    else cases.back().lines[first].push_back(words);
  }
  return cases;
}

void compare(const Case& at, const NDArray& found, const NDArray& expected, const std::string& what) {
  const double relative = std::stod(at.all("tolerance")[0][0]), absolute = std::stod(at.all("tolerance")[0][1]);
  INFO(at.name, ": ", what);
  REQUIRE_EQ(found.shape(), expected.shape());
  REQUIRE_EQ(found.dtype(), expected.dtype());
  const std::vector<double> a = found.values<double>(), b = expected.values<double>();
  for (size_t i = 0; i < a.size(); ++i) {
    const bool close = std::abs(a[i] - b[i]) <= absolute + relative * std::abs(b[i]);
    if (!close) FAIL_CHECK("element ", i, ": expected ", b[i], ", got ", a[i]);
    if (!close) return;
  }
  CHECK(true);
}

OperatorCall called(const Case& at) {
  OperatorCall call(at.one("op"), detail::operator_table);
  for (const Words& set : at.all("set")) call.set(set[0], set[1]);
  return call;
}

Executor bound(const Case& at, Symbol& symbol, std::map<std::string, Shape> shapes, GradReq req) {
  symbol = Symbol::load(folder + at.one("symbol"));
  BindOptions options;
  options.grad_req = req;
  Executor executor = Executor::simple_bind(symbol, shapes, options);
  for (const auto& [name, value] : load(folder + at.one("params"))) {
    value.copy_to(name[1] == 'r' ? executor.arg(name.substr(4)) : executor.state(name.substr(4)));
  }
  return executor;
}

}  // namespace

TEST_CASE("conformance: operators on arrays") {
  HandleCount handles;
  const Arrays arrays = load(folder + "operators.params");
  for (const Case& at : read("operators")) {
    std::vector<NDArray> inputs;
    OperatorCall call = called(at);
    for (const Words& in : at.all("in")) inputs.push_back(arrays.at(in[1]).copy());
    for (size_t i = 0; i < inputs.size(); ++i) call.input(at.all("in")[i][0], inputs[i]);
    const std::vector<NDArray> outputs = call.training(at.one("train") == "1").arrays();
    INFO(at.name);
    REQUIRE_EQ(outputs.size(), at.all("out").size());
    for (const Words& out : at.all("out"))
      compare(at, outputs[std::stoul(out[0])], arrays.at(out[1]), "output " + out[0]);
  }
}

TEST_CASE("conformance: operators as symbols, with gradients") {
  HandleCount handles;
  const Arrays arrays = load(folder + "operators.params");
  for (const Case& at : read("operators")) {
    INFO(at.name);
    OperatorCall call = called(at);
    Arrays values, grads;
    std::vector<Symbol> variables;
    for (const Words& in : at.all("in")) {
      variables.push_back(Symbol::variable("in" + in[0]));
      values["in" + in[0]] = arrays.at(in[1]).copy();
    }
    for (size_t i = 0; i < variables.size(); ++i) call.input(at.all("in")[i][0], variables[i]);
    for (const Words& grad : at.all("grad")) {
      const NDArray& expected = arrays.at(grad[1]);
      grads["in" + grad[0]] = NDArray::zeros(expected.shape(), expected.dtype());
    }
    const Symbol symbol = call.name("tested").symbol();
    Executor executor = Executor::bind(symbol, values, grads, values);
    executor.forward(at.one("train") == "1");
    const std::vector<NDArray> outputs = executor.outputs();
    for (const Words& out : at.all("out"))
      compare(at, outputs.at(std::stoul(out[0])), arrays.at(out[1]), "output " + out[0]);
    if (grads.empty()) continue;
    std::vector<const NDArray*> heads;
    for (const Words& head : at.all("headgrad")) heads.push_back(&arrays.at(head[1]));
    executor.backward(heads);
    for (const Words& grad : at.all("grad"))
      compare(at, grads["in" + grad[0]], arrays.at(grad[1]), "gradient of " + grad[0]);
  }
}

TEST_CASE("conformance: models by executor and by predictor") {
  HandleCount handles;
  const Arrays arrays = load(folder + "models.params");
  for (const Case& at : read("models")) {
    std::map<std::string, Shape> shapes;
    for (const Words& input : at.all("input")) shapes[input[0]] = arrays.at(input[1]).shape();
    Symbol symbol;
    Executor executor = bound(at, symbol, shapes, GradReq::none);
    Predictor predictor = Predictor::load(folder + at.one("symbol"), folder + at.one("params"), shapes);
    for (const Words& input : at.all("input")) {
      arrays.at(input[1]).copy_to(executor.arg(input[0]));
      predictor.set_input(input[0], arrays.at(input[1]).values());
    }
    executor.forward();
    predictor.forward();
    for (const Words& output : at.all("output")) {
      const auto i = static_cast<int32_t>(std::stoi(output[0]));
      compare(at, executor.output(static_cast<size_t>(i)), arrays.at(output[1]), "executor's output " + output[0]);
      compare(at, NDArray(predictor.output_values(i), predictor.output_shape(i)), arrays.at(output[1]),
              "predictor's output " + output[0]);
    }
  }
}

TEST_CASE("conformance: trainings") {
  HandleCount handles;
  const Arrays arrays = load(folder + "training.params");
  for (const Case& at : read("training")) {
    const NDArray &data = arrays.at(at.one("data")), &label = arrays.at(at.one("label"));
    const int64_t batch = std::stoll(at.one("batch")), rows = data.shape()[0];
    Symbol symbol;
    Executor executor = bound(at, symbol, {{"data", data.slice(0, batch).shape()}}, GradReq::write);
    OptimizerOptions options;
    for (const Words& option : at.all("option")) options[option[0]] = option[1];
    Optimizer optimizer(at.one("optimizer"), options);
    std::vector<std::string> names;
    std::vector<const NDArray*> weights, grads;
    for (const std::string& name : symbol.arguments()) {
      if (name == "data" || name == "softmax_label") continue;
      names.push_back(name);
      weights.push_back(&executor.arg(name));
      grads.push_back(&executor.grad(name));
    }
    for (const Words& step : at.all("step")) {
      INFO(at.name, ": step ", step[0]);
      const int64_t first = (std::stoll(step[0]) - 1) * batch % rows;
      data.slice(first, first + batch).copy_to(executor.arg("data"));
      label.slice(first, first + batch).copy_to(executor.arg("softmax_label"));
      executor.forward(true);
      executor.backward();
      optimizer.update(names, weights, grads);
      const NDArray log_likelihood = op::mean(op::log(op::pick(executor.output(), executor.arg("softmax_label"))));
      const double expected = std::stod(step[1]);
      CHECK_LE(std::abs(-log_likelihood.scalar<double>() - expected), 1e-4 + 1e-3 * expected);
    }
    for (const Words& final : at.all("final")) {
      const bool state = executor.states().count(final[0]) > 0;
      compare(at, state ? executor.state(final[0]) : executor.arg(final[0]), arrays.at(final[1]), final[0]);
    }
  }
}

TEST_CASE("the table names operators of the library, in order") {
  std::string before;
  for (const detail::OperatorRow& row : detail::operator_table) {
    CHECK_LT(before, row.name);
    CHECK_NOTHROW(Op(row.name));
    before = row.name;
  }
}

TEST_CASE("conformance: random numbers") {
  const Arrays arrays = load(folder + "seeds.params");
  for (const Case& at : read("seeds")) {
    seed(std::stoll(at.one("seed")));
    compare(at, called(at).arrays().at(0), arrays.at(at.all("out")[0][1]), "draw");
  }
  CHECK_THROWS_WITH_AS(OperatorCall("no_operator", detail::operator_table), doctest::Contains("no_operator"), Error);
  CHECK_THROWS_WITH_AS(OperatorCall("exp", detail::operator_table).set("scale", "1"), doctest::Contains("scale"),
                       Error);
}

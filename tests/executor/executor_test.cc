// Bound graphs as a whole: shared memory, reshaping, monitors, states, errors, pictures of memory.
#include <doctest/doctest.h>

#include <cmath>

#include "executor/executor.h"
#include "executor/invoke.h"
#include "ndarray/values.h"
#include "op/core/registry.h"

namespace mixnet {
namespace {

using test::values;

Symbol variable(const char* name) { return Symbol::variable(name); }

Symbol apply(const char* op, const Attributes& params, std::vector<Symbol> inputs, const std::string& name) {
  std::vector<std::pair<std::string, Symbol>> named;
  for (Symbol& s : inputs) named.emplace_back("", std::move(s));
  return Symbol::create(registry().at(op), params, {}, named, name);
}

void fill(const NDArray& a, float x) {
  std::vector<float> v(static_cast<size_t>(a.size()), x);
  a.copy_from_host(v.data(), a.bytes());
}

Symbol mlp(int layers) {
  Symbol net = variable("data");
  for (int i = 0; i < layers; ++i) {
    const std::string n = std::to_string(i);
    net = apply("FullyConnected", {{"num_hidden", 16}}, {net}, "fc" + n);
    net = apply("Activation", {{"act_type", "tanh"}}, {net}, "act" + n);
  }
  return apply("SoftmaxOutput", {}, {net}, "softmax");
}

}  // namespace

TEST_CASE("executor: a loop of forward, backward and update trains") {
  const Symbol net = apply("LinearRegressionOutput", {},
                           {apply("FullyConnected", {{"num_hidden", 1}}, {variable("data")}, "fc")}, "out");
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", {4, 1}}};
  arguments.requests = {{"data", GradRequest::null}, {"out_label", GradRequest::null}};
  const auto e = simple_bind(net, {}, arguments);
  const float x[] = {0, 1, 2, 3}, y[] = {1, 3, 5, 7};
  e->bound().arguments[0].copy_from_host(x, sizeof x);
  e->bound().arguments[3].copy_from_host(y, sizeof y);
  const OpSchema& sgd = registry().at("sgd_update");
  const ParamsPtr step = sgd.make_params({{"lr", 0.05}});
  for (int i = 0; i < 400; ++i) {
    e->forward(true);
    e->backward({});
    for (size_t k : {size_t{1}, size_t{2}}) {
      std::vector<NDArray> in{e->bound().arguments[k], e->bound().gradients[k]}, out{e->bound().arguments[k]};
      invoke(sgd, step, in, out);
    }
  }
  CHECK(values(e->bound().arguments[1])[0] == doctest::Approx(2).epsilon(0.01));
  CHECK(values(e->bound().arguments[2])[0] == doctest::Approx(1).epsilon(0.01));
}

TEST_CASE("executor: planned memory is near its lower bound and well below naive") {
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", {64, 32}}};
  for (bool training : {false, true}) {
    const MemoryReport r = estimate_memory(mlp(12), arguments, training);
    CHECK(r.lower_bound <= r.planned);
    CHECK(static_cast<double>(r.planned) <= 1.05 * static_cast<double>(r.lower_bound));
    CHECK(r.planned * (training ? 3 : 8) < r.naive * 2);
  }
}

TEST_CASE("executor: naive is every output of the graph as it was written, fused or not") {
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", {64, 32}}};
  for (bool training : {false, true}) {
    const MemoryReport fused = estimate_memory(mlp(4), arguments, training);
    setenv("MIXNET_FUSION", "0", 1);
    const MemoryReport plain = estimate_memory(mlp(4), arguments, training);
    unsetenv("MIXNET_FUSION");
    CHECK(fused.naive == plain.naive);
  }
}

TEST_CASE("executor: binding takes what the estimate said") {
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", {8, 32}}};
  const auto e = simple_bind(mlp(3), {}, arguments);
  CHECK(e->memory(true).planned == estimate_memory(mlp(3), arguments, true).planned);
}

TEST_CASE("executor: executors of different shapes share an arena and stay right") {
  SimpleBindArguments big, small;
  big.shapes = {{"data", {8, 6}}};
  small.shapes = {{"data", {2, 6}}};
  const auto first = simple_bind(mlp(2), {}, big);
  for (const NDArray& a : first->bound().arguments) fill(a, 0.1f);
  const auto second = simple_bind(mlp(2), {}, small, first);
  CHECK(first->bound().arguments[1].same_memory(second->bound().arguments[1]));
  fill(second->bound().arguments[0], 0.1f);
  for (int i = 0; i < 3; ++i) {
    first->forward(true);
    second->forward(false);
    first->forward(true);
    first->backward({});
    CHECK(values(first->outputs()[0])[0] == doctest::Approx(values(second->outputs()[0])[0]));
  }
}

TEST_CASE("executor: reshape keeps parameters and refuses what it was not allowed") {
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", {4, 6}}};
  const auto e = simple_bind(mlp(1), {}, arguments);
  const auto small = reshape(e, false, false, {{"data", {2, 6}}, {"softmax_label", {2}}});
  CHECK(small->outputs()[0].shape() == Shape{2, 16});
  CHECK(small->bound().arguments[1].same_memory(e->bound().arguments[1]));
  CHECK_THROWS_WITH_AS(reshape(e, false, false, {{"data", {4, 5}}}), doctest::Contains("partial_shaping"), Error);
  CHECK_THROWS_WITH_AS(reshape(e, true, false, {{"data", {8, 6}}, {"softmax_label", {8}}}),
                       doctest::Contains("allow_up_sizing"), Error);
}

TEST_CASE("executor: an output that is a variable, and one listed twice") {
  const Symbol x = variable("x"), y = apply("square", {}, {x}, "y");
  SimpleBindArguments arguments;
  arguments.shapes = {{"x", {3}}};
  const auto e = simple_bind(Symbol::group({x, y, y}), {}, arguments);
  fill(e->bound().arguments[0], 3);
  e->forward(true);
  e->backward({});
  CHECK(values(e->outputs()[0])[0] == 3);
  CHECK(values(e->outputs()[1])[0] == 9);
  CHECK(values(e->outputs()[2])[0] == 9);
  CHECK(values(e->bound().gradients[0])[0] == 1 + 6 + 6);
}

TEST_CASE("executor: only what the outputs need is run") {
  const Symbol net = mlp(4);
  const Symbol inner = net.internals().output(std::string("act1_output"));
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", {2, 3}}};
  arguments.default_request = GradRequest::null;
  const auto e = simple_bind(inner, {}, arguments);
  CHECK(e->bound().arguments.size() == 5);
  CHECK(e->describe().find("fc2") == std::string::npos);
  CHECK(e->describe().find("backward") == std::string::npos);
}

TEST_CASE("executor: a monitor sees every value in order") {
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", {2, 3}}};
  const auto e = simple_bind(mlp(2), {}, arguments);
  std::vector<std::string> names;
  e->set_monitor(
      [&](const std::string& name, const NDArray& value) {
        names.push_back(name);
        CHECK(value.size() > 0);
      },
      false);
  e->forward(false);
  CHECK(names == std::vector<std::string>{"fc0_output", "act0_output", "fc1_output", "act1_output", "softmax_output"});
  e->set_monitor({}, false);
  e->forward(false);
  CHECK(names.size() == 5);
}

TEST_CASE("executor: BatchNorm's statistics move in backward only") {
  const Symbol net = apply("BatchNorm", {{"momentum", 0.5}, {"fix_gamma", false}}, {variable("data")}, "bn");
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", {4, 1}}};
  const auto e = simple_bind(net, {}, arguments);
  const float x[] = {1, 3, 1, 3};
  e->bound().arguments[0].copy_from_host(x, sizeof x);
  fill(e->bound().arguments[1], 1);
  e->forward(true);
  CHECK(values(e->bound().states[0])[0] == 0);
  e->backward({});
  CHECK(values(e->bound().states[0])[0] == doctest::Approx(1));
  CHECK(values(e->bound().states[1])[0] == doctest::Approx(0.5));
  e->forward(false);
  CHECK(values(e->bound().states[0])[0] == doctest::Approx(1));
}

TEST_CASE("executor: mistakes are named") {
  SimpleBindArguments arguments;
  CHECK_THROWS_WITH_AS(simple_bind(mlp(1), {}, arguments), doctest::Contains("data: the shape cannot be inferred"),
                       Error);
  arguments.shapes = {{"dat", {2, 3}}};
  CHECK_THROWS_WITH_AS(simple_bind(mlp(1), {}, arguments), doctest::Contains("no argument is called 'dat'"), Error);
  arguments.shapes = {{"data", {2, 3}}, {"fc0_weight", {16, 4}}};
  CHECK_THROWS_WITH_AS(simple_bind(mlp(1), {}, arguments), "[FullyConnected fc0] weight: expected (16, 3), got (16, 4)",
                       Error);
  BindArguments bound;
  bound.arguments.resize(4);
  CHECK_THROWS_WITH_AS(bind(mlp(1), {}, bound), doctest::Contains("data: no array is bound"), Error);
  arguments.shapes = {{"data", {2, 3}}};
  const auto e = simple_bind(mlp(1), {}, arguments);
  CHECK_THROWS_WITH_AS(e->backward({}), doctest::Contains("forward(is_train=True)"), Error);
}

}  // namespace mixnet

// Symbols and executors.
#include "handles.h"

#include <cstdio>
#include <sstream>

using namespace mixnet;
using Floats = std::vector<float>;
using Names = std::vector<std::string>;

static Symbol perceptron() {
  Symbol net = op::FullyConnected(Symbol::variable("data")).num_hidden(4).name("fc1");
  net = op::Activation(net).act_type("relu").name("relu1").attr("note", "kept");
  return op::SoftmaxOutput(op::FullyConnected(net).num_hidden(3).name("fc2")).name("softmax");
}

TEST_CASE("missing inputs become variables") {
  HandleCount handles;
  const Symbol net = perceptron();
  CHECK_EQ(net.arguments(), Names{"data", "fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias", "softmax_label"});
  CHECK_EQ(net.outputs(), Names{"softmax_output"});
  CHECK_EQ(net.name(), "softmax");
  CHECK_EQ(net.internals()["relu1_output"].attr("act_type"), "relu");
  CHECK_EQ(net.attributes().at("relu1").at("note"), "kept");
  const Symbol named =
      op::Convolution(Symbol::variable("x"), {}, Symbol::variable("b")).kernel({3, 3}).num_filter(2).name("c");
  CHECK_EQ(named.arguments(), Names{"x", "c_weight", "b"});
}

TEST_CASE("nodes without a name get one") {
  const Symbol first = op::exp(Symbol::variable("x")), second = op::exp(Symbol::variable("x"));
  CHECK_EQ(first.name().substr(0, 3), "exp");
  CHECK_NE(first.name(), second.name());
}

TEST_CASE("shapes and types follow from those of the data") {
  const InferredShapes shapes = perceptron().infer_shape({{"data", {5, 7}}});
  CHECK(shapes.complete);
  CHECK_EQ(shapes.arguments[1], Shape{4, 7});
  CHECK_EQ(shapes.outputs[0], Shape{5, 3});
  CHECK_FALSE(perceptron().infer_shape({}).complete);
  const InferredTypes types = perceptron().infer_type({{"data", DType::float64}});
  CHECK_EQ(types.outputs[0], static_cast<int64_t>(DType::float64));
  CHECK_THROWS_AS(perceptron().infer_shape({{"data", {5, 7}}, {"fc1_weight", {4, 8}}}), Error);
}

TEST_CASE("symbols compose, group, copy and print") {
  HandleCount handles;
  const Symbol net = perceptron(), scaled = 2 * Symbol::variable("raw") + 1;
  const Symbol whole = net.compose({{"data", &scaled}});
  CHECK_EQ(whole.arguments()[0], "raw");
  const Symbol inner = net.internals()["fc1_output"], both = Symbol::group({&inner, &net});
  CHECK_EQ(both.size(), 2);
  CHECK_EQ(both[1].name(), "softmax");
  CHECK_EQ(both.copy().outputs(), both.outputs());
  CHECK_EQ(net.children().size(), 2);
  CHECK_FALSE(Symbol::variable("x").children());
  std::ostringstream text;
  text << net << both;
  CHECK_EQ(text.str(), "<Symbol softmax><Symbol group [fc1_output, softmax_output]>");
  CHECK_NE(net.debug().find("fc1"), std::string::npos);
}

TEST_CASE("JSON goes to a file and back") {
  const std::string path = "cpp_binding_test.json";
  perceptron().save(path);
  CHECK_EQ(Symbol::load(path).to_json(), perceptron().to_json());
  std::remove(path.c_str());
  CHECK_THROWS_AS(Symbol::load("no/such/file"), Error);
  CHECK_THROWS_AS(Symbol::from_json("{"), Error);
}

TEST_CASE("an executor computes outputs and gradients") {
  HandleCount handles;
  const Symbol a = Symbol::variable("a"), b = Symbol::variable("b"), product = a * b;
  Executor executor = Executor::simple_bind(product, {{"a", {2, 2}}, {"b", {2, 2}}});
  executor.arg("a").copy_from(Floats{1, 2, 3, 4}.data(), 4);
  executor.arg("b").fill(3);
  executor.forward(true);
  CHECK_EQ(executor.output().values(), Floats{3, 6, 9, 12});
  const NDArray head({1, 1, 1, 10}, {2, 2});
  executor.backward({&head});
  CHECK_EQ(executor.grad("b").values(), Floats{1, 2, 3, 40});
  CHECK_THROWS_WITH_AS(executor.arg("c"), "[Executor] argument: expected one of its own, got c", Error);
  CHECK_GT(executor.memory(true).planned + executor.memory(true).external, 0);
  CHECK_FALSE(executor.describe().empty());
}

TEST_CASE("groups of nodes are placed on devices") {
  HandleCount handles;
  Symbol net = op::FullyConnected(Symbol::variable("data")).num_hidden(4).name("fc1").attr("ctx_group", "below");
  net = op::FullyConnected(net).num_hidden(3).name("fc2").attr("ctx_group", "above");
  Executor plain = Executor::simple_bind(net, {{"data", {2, 5}}});
  Executor executor = Executor::simple_bind(net.placed({{"below", cpu(1)}, {"above", cpu(2)}}), {{"data", {2, 5}}});
  CHECK(executor.arg("fc1_weight").device() == cpu(1));
  CHECK(executor.output().device() == cpu(2));
  for (Executor* e : {&plain, &executor}) {
    for (const char* name : {"data", "fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias"}) e->arg(name).fill(0.5);
    e->forward();
  }
  CHECK_EQ(executor.output().values(), plain.output().values());
  CHECK_GT(executor.memory(cpu(2)).external, 0);
  CHECK_EQ(executor.memory(cpu(7)).external, 0);
  CHECK_THROWS_AS(Executor::simple_bind(net.placed({{"below", cpu(1)}}), {{"data", {2, 5}}}), Error);
}

TEST_CASE("an executor binds given arrays, adds gradients and is reshaped") {
  HandleCount handles;
  Arrays args, grads;
  args["x"] = NDArray({1, 2}, {2});
  grads["x"] = NDArray::zeros({2});
  BindOptions options;
  options.grad_req = GradReq::add;
  Executor executor = Executor::bind(op::square(Symbol::variable("x")), args, grads, {}, options);
  for (int i = 0; i < 2; ++i) {
    executor.forward(true);
    const NDArray head = NDArray::ones({2});
    executor.backward({&head});
  }
  CHECK_EQ(grads["x"].values(), Floats{4, 8});
  CHECK_THROWS_WITH_AS(Executor::bind(Symbol::variable("x") + Symbol::variable("y"), args),
                       "[bind] args: expected an array for y, got none", Error);
  Executor larger =
      Executor::simple_bind(perceptron(), {{"data", {5, 7}}}).reshape({{"data", {9, 7}}, {"softmax_label", {9}}});
  CHECK_EQ(larger.arg("softmax_label").shape(), Shape{9});
  larger.forward();
  CHECK_EQ(larger.output().shape(), Shape{9, 3});
}

TEST_CASE("a monitor sees every inner output; what it throws arrives") {
  HandleCount handles;
  Executor executor = Executor::simple_bind(perceptron(), {{"data", {1, 2}}});
  Names seen;
  executor.set_monitor(
      [&](const std::string& name, const NDArray& value) { seen.push_back(name + to_text(value.shape())); });
  executor.forward();
  executor.output().wait_to_read();
  CHECK_EQ(seen, Names{"fc1_output(1, 4)", "relu1_output(1, 4)", "fc2_output(1, 3)", "softmax_output(1, 3)"});
  executor.set_monitor([](const std::string&, const NDArray&) { throw std::runtime_error("no more"); });
  CHECK_THROWS_WITH_AS(executor.forward(), doctest::Contains("no more"), Error);
  executor.set_monitor(nullptr);
}

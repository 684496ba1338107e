// Stores, optimizers, initializers, metrics, iterators, models, predictors.
#include "handles.h"

#include <csignal>
#include <cstdio>
#include <thread>

using namespace mixnet;
using Floats = std::vector<float>;

TEST_CASE("a store sums, and calls an updater whose errors arrive") {
  HandleCount handles;
  KVStore store;
  NDArray out = NDArray::zeros({2});
  const NDArray one = NDArray::ones({2}), two = one * 2;
  store.init("w", one);
  store.push("w", {&one, &two});
  store.pull("w", out);
  CHECK_EQ(out.values(), Floats{3, 3});
  store.set_updater([](const std::string& key, const NDArray& received, NDArray& stored) {
    if (key == "bad") throw std::runtime_error("the updater refuses");
    stored += received * 0.5;
  });
  store.push("w", one);
  store.pull("w", out);
  CHECK_EQ(out.values(), Floats{3.5, 3.5});
  store.init("bad", one);
  store.push("bad", one);
  store.pull("bad", out);
  CHECK_THROWS_WITH_AS(out.values(), doctest::Contains("the updater refuses"), Error);
  CHECK_EQ(store.rank(), 0);
  CHECK_EQ(store.size(), 1);
  try {
    wait_all();
  } catch (const Error&) {
  }
}

TEST_CASE("an optimizer steps, follows a schedule and keeps its states in a file") {
  HandleCount handles;
  Optimizer sgd("sgd", {{"learning_rate", 0.5}, {"momentum", 0.5}, {"wd", 0.25}});
  NDArray weight = NDArray::ones({1}), bias = NDArray::ones({1});
  const NDArray grad = NDArray::ones({1});
  sgd.update({"a_weight", "a_bias"}, {&weight, &bias}, {&grad, &grad});
  CHECK_EQ(weight.scalar(), 1 - 0.5f * 1.25f);  // decay is for weights only
  CHECK_EQ(bias.scalar(), 0.5f);
  sgd.set("learning_rate", 0);
  sgd.update({"a_bias"}, {&bias}, {&grad});
  CHECK_EQ(bias.scalar(), 0.25f);  // by its momentum
  sgd.save("cpp_binding_test.states");
  Optimizer again("sgd", {{"learning_rate", 0}, {"momentum", 0.5}});
  again.load("cpp_binding_test.states");
  std::remove("cpp_binding_test.states");
  again.update({"a_bias"}, {&bias}, {&grad});
  CHECK_EQ(bias.scalar(), 0.125f);

  Optimizer plain("sgd", {{"learning_rate", 1}});
  plain.set_multipliers("x_weight", 0.5);
  plain.set_schedule(steps_schedule(1, {1}, 0.5));
  NDArray x = NDArray::zeros({1});
  for (int i = 0; i < 2; ++i) plain.update({"x_weight"}, {&x}, {&grad});
  CHECK_EQ(x.scalar(), -0.75f);
  CHECK_EQ(factor_schedule(1, 10, 0.5)(21), 0.25);
  CHECK_THROWS_AS(Optimizer("no_such_rule"), Error);
  CHECK_THROWS_WITH_AS(Optimizer("sgd", {{"no_option", 1}}), doctest::Contains("no_option"), Error);
  CHECK_NE(Optimizer::rules().find("\"adam\""), std::string::npos);
}

TEST_CASE("initializers go by names and draw in the library") {
  NDArray weight({4, 6}), bias = NDArray::ones({4});
  seed(7);
  init::xavier()("fc_weight", weight);
  init::xavier()("fc_bias", bias);
  seed(7);
  const double scale = std::sqrt(3.0 / 5);
  const NDArray expected = op::_random_uniform().low(-scale).high(scale).shape({4, 6});
  CHECK_EQ(weight.values(), expected.values());
  CHECK_EQ(bias.values(), Floats(4, 0));
  init::one()("anything", bias);
  CHECK_EQ(bias.values(), Floats(4, 1));
  CHECK_THROWS_WITH_AS(init::normal()("unknown", bias), doctest::Contains("no rule for this name"), Error);
  init::mixed({{"_bias", init::constant(3)}, {"", init::normal(1)}})("fc_bias", bias);
  CHECK_EQ(bias.values(), Floats(4, 3));
}

TEST_CASE("metrics") {
  std::vector<NDArray> labels, scores;
  labels.emplace_back(Floats{0, 1, 1, 0}, Shape{4});
  scores.emplace_back(Floats{0.9f, 0.1f, 0.2f, 0.8f, 0.6f, 0.4f, 0.3f, 0.7f}, Shape{4, 2});
  const auto measured = [&](const std::shared_ptr<Metric>& metric) {
    CHECK(std::isnan(metric->value()));
    metric->update(labels, scores);
    return metric->value();
  };
  CHECK_EQ(measured(metric::accuracy()), 0.5);
  CHECK_EQ(measured(metric::top_k_accuracy(2)), 1);
  CHECK_EQ(measured(metric::cross_entropy()),
           doctest::Approx(-(std::log(0.9) + std::log(0.8) + std::log(0.4) + std::log(0.3)) / 4));
  CHECK_EQ(measured(metric::f1()), doctest::Approx(0.5));
  const auto rows = metric::custom("rows", [](const Metric::Host& label, const Metric::Host&) {
    return std::pair<double, int64_t>(label.values.size(), 1);
  });
  CHECK_EQ(measured(rows), 4);
  const auto both = metric::several({metric::accuracy(), rows});
  both->reset();
  both->update(labels, scores);
  CHECK_EQ(both->values()[1], std::pair<std::string, double>("rows", 4));
  labels[0] = NDArray({1, 2}, {2});
  scores[0] = NDArray({2, 4}, {2});
  CHECK_EQ(measured(metric::mse()), 2.5);
  CHECK_EQ(measured(metric::mae()), 1.5);
  labels[0] = NDArray({5, 0}, {2});
  scores[0] = NDArray::ones({2, 3});
  CHECK_THROWS_WITH_AS(metric::accuracy()->update(labels, scores), doctest::Contains("expected a class below 3"),
                       Error);
}

TEST_CASE("an iterator fills up the last batch and shuffles by the library") {
  HandleCount handles;
  const NDArray data = NDArray::arange(0, 5).reshape({5, 1}), label = NDArray::arange(0, 5);
  NDArrayIter plain(data, label, 2);
  Floats seen;
  Batch batch;
  int64_t pad = 0;
  while (plain.next(batch)) {
    for (float value : batch.data[0].values()) seen.push_back(value);
    pad = batch.pad;
  }
  CHECK_EQ(seen, Floats{0, 1, 2, 3, 4, 0});
  CHECK_EQ(pad, 1);
  seed(3);
  NDArrayIter shuffled(data, label, 5, true);
  REQUIRE(shuffled.next(batch));
  seed(3);
  const NDArray order = op::_shuffle(NDArray::arange(0, 5, 1, DType::int32));
  CHECK_EQ(batch.label[0].values<int32_t>(), order.values<int32_t>());
  CHECK_EQ(batch.data[0].shape(), Shape{5, 1});
  CHECK_FALSE(shuffled.next(batch));
  CHECK_THROWS_AS(NDArrayIter(data, NDArray::ones({4}), 2), Error);
  CHECK_THROWS_AS(NDArrayIter(data, label, 0), Error);
}

namespace {

// Two clouds of points that a line separates.
struct Clouds {
  Clouds() {
    seed(1);
    const NDArray noise = op::_random_normal().shape({200, 2});
    label = NDArray::arange(0, 200) >= 100;
    data = noise * 0.5 + (label * 4 - 2).reshape({200, 1});
  }
  NDArray data, label;
};

Symbol perceptron() {
  Symbol net = op::FullyConnected(Symbol::variable("data")).num_hidden(8).name("fc1");
  net = op::FullyConnected(op::Activation(net).act_type("tanh")).num_hidden(2).name("fc2");
  return op::SoftmaxOutput(net).name("softmax");
}

}  // namespace

TEST_CASE("a model learns, stops early, saves, loads and predicts alike everywhere") {
  HandleCount handles;
  const Clouds clouds;
  NDArrayIter train(clouds.data, clouds.label, 30, true), test(clouds.data, clouds.label, 30);
  FeedForward model(perceptron());
  Optimizer adam("adam", {{"learning_rate", 0.05}});
  int64_t epochs = 0, batches = 0;
  FitOptions how;
  how.epochs = 50;
  how.optimizer = &adam;
  how.initializer = init::xavier();
  how.evaluation = &test;
  how.batch_end = {[&](const BatchEnd&) { ++batches; }};
  how.epoch_end = {[&](const EpochEnd&) { ++epochs; }, callback::early_stopping(3),
                   callback::checkpoint("cpp_binding_test")};
  model.fit(train, how);
  CHECK_LT(epochs, 50);
  CHECK_EQ(batches, 7 * epochs);
  CHECK_GT(model.score(test, *metric::accuracy()), 0.98);

  const Floats scores = model.predict(clouds.data, 30).values();
  CHECK_EQ(scores.size(), 400);
  FeedForward again = FeedForward::load("cpp_binding_test", 1);
  CHECK_EQ(again.args().size(), 4);
  model.save("cpp_binding_test", 99);
  CHECK_EQ(FeedForward::load("cpp_binding_test", 99).predict(clouds.data, 30).values(), scores);

  const auto predictor =
      Predictor::load("cpp_binding_test-symbol.json", "cpp_binding_test-0099.params", {{"data", {200, 2}}});
  const Floats points = clouds.data.values();
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      Predictor own = predictor.clone();
      own.set_input("data", points);
      own.forward();
      const Floats found = own.output_values();
      for (size_t k = 0; k < found.size(); ++k) REQUIRE(std::abs(found[k] - scores[k]) < 1e-5f);
    });
  }
  for (std::thread& thread : threads) thread.join();
  Predictor small = predictor.clone();
  small.reshape({{"data", {1, 2}}});
  while (small.forward_steps(1) > 0) continue;
  CHECK_EQ(small.output_shape(), Shape{1, 2});
  CHECK_THROWS_AS(small.set_input("data", Floats(3)), Error);
  for (const int64_t epoch : {int64_t{99}, epochs}) {
    char name[40];
    for (int64_t i = epoch == 99 ? 99 : 1; i <= epoch; ++i) {
      std::snprintf(name, sizeof name, "cpp_binding_test-%04d.params", static_cast<int>(i));
      std::remove(name);
    }
  }
  std::remove("cpp_binding_test-symbol.json");
}

TEST_CASE("a store in the middle gives the same parameters") {
  HandleCount handles;
  const Clouds clouds;
  Floats found[2];
  for (const bool stored : {false, true}) {
    NDArrayIter train(clouds.data, clouds.label, 50);
    FeedForward model(perceptron());
    Optimizer sgd("sgd", {{"learning_rate", 0.1}, {"momentum", 0.9}});
    KVStore store;
    FitOptions how;
    how.epochs = 2;
    how.optimizer = &sgd;
    how.store = stored ? &store : nullptr;
    seed(5);
    model.fit(train, how);
    found[stored] = model.args()["fc1_weight"].values();
  }
  CHECK_EQ(found[0], found[1]);
}

TEST_CASE("Ctrl-C ends a training and leaves the parameters") {
  HandleCount handles;
  const Clouds clouds;
  NDArrayIter train(clouds.data, clouds.label, 10);
  FeedForward model(perceptron());
  const Interrupt interrupt;
  FitOptions how;
  how.epochs = 1000000;
  how.cancel = interrupt.token();
  how.batch_end = {[](const BatchEnd& at) {
    if (at.epoch == 1 && at.batch == 5) std::raise(SIGINT);
  }};
  CHECK_THROWS_WITH_AS(model.fit(train, how), "[fit] ended early by its cancel token", Error);
  CHECK_EQ(model.args()["fc2_bias"].values().size(), 2);
}

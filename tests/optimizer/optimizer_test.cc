// Optimizers: steps, weight decay by name, 16-bit weights, saved states, mistakes. The rules are held against Python's in
// tests/python/test_c_optimizer.py.
#include "optimizer/optimizer.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace mixnet;

namespace {

NDArray vector_of(std::vector<float> values) {
  const NDArray array(Shape{static_cast<int64_t>(values.size())}, DType::f32);
  array.copy_from_host(values.data(), static_cast<int64_t>(values.size() * sizeof(float)));
  return array;
}

std::vector<float> values_of(const NDArray& array) {
  std::vector<float> values(static_cast<size_t>(array.shape().size()));
  array.copy_to_host(values.data(), static_cast<int64_t>(values.size() * sizeof(float)));
  return values;
}

template <class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("optimizer: sgd with momentum, weight decay by the key's ending") {
  Optimizer sgd("sgd", {{"learning_rate", "0.5"}, {"momentum", 0.5}, {"wd", 0.1}});
  const NDArray weight = vector_of({1, 2}), bias = vector_of({1, 2}), grad = vector_of({1, 0});
  for (int i = 0; i < 2; ++i) {
    sgd.update("fc_weight", weight, grad);
    sgd.update("fc_bias", bias, grad);
  }
  CHECK(values_of(bias)[0] == doctest::Approx(1 - 0.5 - 0.75));
  CHECK(values_of(bias)[1] == 2);
  const double first = -0.5 * (1 + 0.1), w1 = 1 + first, second = 0.5 * first - 0.5 * (1 + 0.1 * w1);
  CHECK(values_of(weight)[0] == doctest::Approx(w1 + second));
}

TEST_CASE("optimizer: options and factors change between steps") {
  Optimizer sgd("sgd", {{"learning_rate", 1.0}});
  const NDArray weight = vector_of({0}), grad = vector_of({1});
  sgd.update("w", weight, grad);
  sgd.set("learning_rate", 0.25);
  sgd.update("w", weight, grad);
  sgd.set_multipliers("w", 2, 1);
  sgd.update("w", weight, grad);
  CHECK(values_of(weight)[0] == doctest::Approx(-1 - 0.25 - 0.5));
}

TEST_CASE("optimizer: every rule brings a sum of squares down") {
  for (const Rule& rule : optimizer_rules()) {
    CAPTURE(rule.name);
    Optimizer o(rule.name, {});
    const NDArray weight = vector_of({1, -2, 3});
    const double before = 14;
    for (int i = 0; i < 20; ++i) {
      const std::vector<float> now = values_of(weight);
      o.update("w_weight", weight, vector_of({2 * now[0], 2 * now[1], 2 * now[2]}));
    }
    double after = 0;
    for (float x : values_of(weight)) after += double{x} * x;
    CHECK(std::isfinite(after));
    // Adadelta's first steps are of the size of its epsilon; SGLD adds noise of variance lr.
    CHECK(after < (rule.name == "sgld" ? before + 20 : before));
  }
}

TEST_CASE("optimizer: 16-bit weights have a float32 copy on request") {
  for (bool wide : {false, true}) {
    Optimizer sgd("sgd", {{"learning_rate", 1.0}, {"multi_precision", wide}});
    const std::vector<uint16_t> one{0x3f80}, tiny{0x3a80};  // bfloat16: 1 and 2^-10
    const NDArray weight(Shape{1}, DType::bf16), grad(Shape{1}, DType::bf16);
    weight.copy_from_host(one.data(), 2);
    grad.copy_from_host(tiny.data(), 2);
    for (int i = 0; i < 16; ++i) sgd.update("w", weight, grad);
    uint16_t after = 0;
    weight.copy_to_host(&after, 2);
    CHECK((after == one[0]) == !wide);  // in bfloat16 1 - 2^-10 is 1
  }
}

TEST_CASE("optimizer: saved states go on where they were") {
  auto steps = [](Optimizer& adam, const NDArray& weight, int count) {
    for (int i = 0; i < count; ++i) adam.update("w_weight", weight, vector_of({1, -0.5f}));
  };
  Optimizer whole("adam", {}), first("adam", {}), second("adam", {});
  const NDArray a = vector_of({1, 1}), b = vector_of({1, 1});
  steps(whole, a, 5);
  steps(first, b, 2);
  second.restore(first.states());
  steps(second, b, 3);
  CHECK(values_of(a) == values_of(b));
}

TEST_CASE("optimizer: keys from before and after momentum was set are saved and restored") {
  Optimizer sgd("sgd", {{"learning_rate", 1.0}});
  const NDArray a = vector_of({0}), b = vector_of({0}), one = vector_of({1});
  sgd.update("a", a, one);
  sgd.set("momentum", 0.5);
  sgd.update("b", b, one);
  const NamedArrays saved = sgd.states();
  sgd.update("b", b, one);  // what was saved stays as it was
  Optimizer other("sgd", {{"learning_rate", 1.0}, {"momentum", 0.5}});
  other.restore(saved);
  const NDArray c = vector_of({-1});
  other.update("b", c, one);
  CHECK(values_of(c) == values_of(b));
}

TEST_CASE("optimizer: mistakes are named and change nothing") {
  CHECK(message_of([] { Optimizer("sdg", {}); }).find("expected one of sgd, nag") != std::string::npos);
  CHECK(message_of([] { Optimizer("sgd", {{"momentun", "1"}}); }).find("unknown option 'momentun'") !=
        std::string::npos);
  CHECK(message_of([] { Optimizer("sgd", {{"momentum", "much"}}); }).find("[sgd] momentum: expected") !=
        std::string::npos);
  CHECK(message_of([] { Optimizer("sgd", {{"learning_rate", -1.0}}); }).find("expected a value in") !=
        std::string::npos);
  Optimizer sgd("sgd", {{"momentum", 0.9}}), adam("adam", {});
  const NDArray weight = vector_of({1, 2});
  CHECK(message_of([&] { sgd.update("w", weight, vector_of({1})); }).find("expected (2,), got (1,)") !=
        std::string::npos);
  sgd.update("w", weight, vector_of({0, 0}));
  CHECK(message_of([&] { sgd.update("w", vector_of({1}), vector_of({1})); }).find("at its first step") !=
        std::string::npos);
  CHECK(message_of([&] { adam.restore(sgd.states()); }).find("expected the states of adam") != std::string::npos);
  CHECK(message_of([&] { adam.restore({}); }).find("got none") != std::string::npos);
  NamedArrays broken = sgd.states();
  broken.names.back() = "state0:v";
  CHECK(message_of([&] { sgd.restore(broken); }).find("v: expected a count of steps above 0") != std::string::npos);
  Optimizer plain("adam", {});
  plain.update("w", weight, vector_of({0, 0}));
  broken = plain.states();
  broken.arrays.pop_back();
  broken.names.pop_back();
  CHECK(message_of([&] { adam.restore(broken); }).find("expected 2 states, got 1") != std::string::npos);
  CHECK(values_of(weight) == std::vector<float>{1, 2});
}

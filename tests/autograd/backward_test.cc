// Gradients of recorded operations: requests, heads, second orders, what is kept and what is refused.
#include <doctest/doctest.h>

#include <thread>

#include "autograd/taped.h"

namespace mixnet {
namespace {

using namespace test;
using Numbers = std::vector<float>;
using autograd::BackwardOptions;
using autograd::TapeNode;

}  // namespace

TEST_CASE("autograd: a product, its gradient, requests") {
  Taped x = variable({3}, {1, 2, 3}), sum = variable({3}, {1, 1, 1}, GradRequest::add);
  for (int i = 0; i < 2; ++i) {
    const Recording recording;
    const Taped y = call("elemwise_mul", {call("elemwise_mul", {x, x}), sum});
    test::backward(y);
  }
  CHECK(gradient_of(x) == Numbers{2, 4, 6});
  CHECK(gradient_of(sum) == Numbers{2, 8, 18});
}

TEST_CASE("autograd: head gradients, several heads, heads that are variables") {
  Taped x = variable({2}, {1, 2});
  Taped y, z;
  {
    const Recording recording;
    y = call("square", {x});
    z = call("_mul_scalar", {x}, {{"scalar", 3.0}});
  }
  Taped* heads[] = {&y, &z, &x};
  BackwardOptions options;
  options.retain_graph = true;
  autograd::backward(heads, {taped({2}, {1, 10}), Taped(), taped({2}, {5, 6})}, options);
  CHECK(gradient_of(x) == Numbers{2 + 3 + 5, 40 + 3 + 6});
  CHECK_THROWS_WITH_AS(autograd::backward(heads, {taped({1}, {1}), Taped(), Taped()}, options),
                       "[backward] head gradient 0: expected (2,), got (1,)", Error);
}

TEST_CASE("autograd: a graph is given up by backward unless it is retained") {
  Taped x = variable({1}, {3});
  Taped y, z;
  {
    const Recording recording;
    y = call("square", {x});
    z = call("square", {y});
  }
  BackwardOptions retain;
  retain.retain_graph = true;
  test::backward(z, retain);
  test::backward(z);
  CHECK(gradient_of(x) == Numbers{4 * 27});
  CHECK_THROWS_AS(test::backward(z), Error);
  CHECK_THROWS_AS(test::backward(y), Error);
  // What comes after is a constant's.
  const Recording recording;
  CHECK(!call("square", {y}).tracked());
}

TEST_CASE("autograd: arrays that were not recorded are no heads") {
  Taped x = variable({1}, {3});
  const Taped outside = call("square", {x});
  CHECK_THROWS_AS(test::backward(outside), Error);
  const Recording recording;
  CHECK_THROWS_AS(test::backward(call("square", {taped({1}, {1})})), Error);
  Taped untracked = variable({1}, {3}, GradRequest::null);
  CHECK_THROWS_AS(test::backward(call("square", {untracked})), Error);
}

TEST_CASE("autograd: first, second and third gradient") {
  Taped x = variable({2}, {2, 3});
  const Recording recording;
  const Taped y = call("elemwise_mul", {call("elemwise_mul", {x, x}), call("elemwise_mul", {x, x})});
  const Taped first = grad(y, {x}, true)[0];
  CHECK(numbers(first.array) == Numbers{32, 108});
  const Taped second = grad(first, {x}, true)[0];
  CHECK(numbers(second.array) == Numbers{48, 108});
  test::backward(second);
  CHECK(gradient_of(x) == Numbers{48, 72});
}

TEST_CASE("autograd: gradients of inner values, and of what is not there") {
  Taped x = variable({1}, {2}), other = variable({1}, {2});
  const Recording recording;
  const Taped y = call("square", {x}), z = call("square", {y});
  CHECK(numbers(grad(z, {y}, true)[0].array) == Numbers{8});
  CHECK_THROWS_AS(grad(z, {other}, true), Error);
  const Taped blocked = call("BlockGrad", {z});
  CHECK(numbers(grad(blocked, {x}, true)[0].array) == Numbers{0});
}

TEST_CASE("autograd: only what gradients read is kept, and all of it goes with the arrays") {
  const int64_t before = TapeNode::live();
  {
    Taped x = variable({4}, {1, 2, 3, 4});
    const Recording recording;
    const Taped sum = call("elemwise_add", {x, x}), squared = call("square", {sum}), root = call("sqrt", {squared});
    CHECK(sum.node()->kept_inputs[0].none());
    CHECK(sum.node()->kept_outputs[0].none());
    CHECK(squared.node()->kept_inputs[0].same_memory(sum.array));
    CHECK(squared.node()->kept_outputs[0].none());
    const bool reads_output = !root.node()->kept_outputs[0].none(), reads_input = !root.node()->kept_inputs[0].none();
    CHECK(reads_output != reads_input);
    test::backward(root);
    CHECK(squared.node()->kept_inputs.empty());
    CHECK(TapeNode::live() > before);
  }
  CHECK(TapeNode::live() == before);
}

TEST_CASE("autograd: a long chain is taken apart without a deep stack") {
  const int64_t before = TapeNode::live();
  {
    Taped x = variable({1}, {1});
    const Recording recording;
    Taped y = call("_plus_scalar", {x}, {{"scalar", 0.0}});
    for (int i = 0; i < 100000; ++i) y = call("_plus_scalar", {y}, {{"scalar", 0.0}});
  }
  CHECK(TapeNode::live() == before);
}

TEST_CASE("autograd: writes that a tape cannot bear are refused") {
  Taped x = variable({2}, {1, 2}), plain = taped({2}, {0, 0});
  const Recording recording;
  Taped y = call("square", {x});
  Taped* inputs[] = {&y};
  std::vector<Taped> fresh;
  const OpSchema& square = registry().at("square");
  auto into = [&](Taped& target) {
    Taped* given[] = {&target};
    autograd::invoke(square, square.make_params({}), inputs, given, fresh, {});
  };
  CHECK_THROWS_AS(into(y), Error);
  CHECK_THROWS_AS(into(x), Error);
  Taped part(plain.array.slice(0, 2));
  part.part = true;
  CHECK_THROWS_AS(into(part), Error);
  into(plain);
  CHECK(plain.tracked());
  test::backward(plain);
  CHECK(gradient_of(x) == Numbers{4, 32});
  CHECK(numbers(plain.array) == Numbers{1, 16});
}

TEST_CASE("autograd: BatchNorm is differentiated in the mode in which it ran") {
  for (bool training : {true, false}) {
    Taped x = variable({4, 1}, {1, 2, 3, 6}), gamma = variable({1}, {2}), beta = variable({1}, {0});
    const Taped mean = taped({1}, {1}), variance = taped({1}, {4});
    Taped y;
    {
      const Recording recording(training);
      y = call("BatchNorm", {x, gamma, beta, mean, variance}, {{"fix_gamma", false}, {"eps", 0.0}});
    }
    Taped* heads[] = {&y};
    autograd::backward(heads, {taped({4, 1}, {1, 0, 0, 0})}, {});
    const Numbers dx = gradient_of(x);
    if (training) {
      CHECK(dx[0] + dx[1] + dx[2] + dx[3] == doctest::Approx(0));
      CHECK(numbers(mean.array)[0] == doctest::Approx(0.9 * 1 + 0.1 * 3));
    } else {
      CHECK(dx == Numbers{1, 0, 0, 0});
      CHECK(numbers(mean.array)[0] == 1);
      CHECK(numbers(variance.array)[0] == 4);
    }
  }
}

TEST_CASE("autograd: recording belongs to the thread") {
  const Recording recording;
  CHECK(autograd::thread_state().recording);
  bool other = true;
  std::thread([&] { other = autograd::thread_state().recording; }).join();
  CHECK(!other);
}

}  // namespace mixnet

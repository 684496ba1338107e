// Traced functions and cached operators: what is put down, what plans do with it, gradients, several calls at a time.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autograd/cached_op.h"
#include "autograd/taped.h"
#include "autograd/trace.h"

namespace mixnet {
namespace {

using namespace test;
using Numbers = std::vector<float>;
using autograd::CachedOp;
using autograd::Trace;

Symbol apply(const char* op, const Attributes& params, std::vector<Symbol> inputs) {
  std::vector<std::pair<std::string, Symbol>> named;
  for (Symbol& s : inputs) named.emplace_back("", std::move(s));
  return Symbol::create(registry().at(op), params, {}, named, op);
}

Taped invoke_one(CachedOp& op, std::vector<Taped> inputs) {
  std::vector<Taped*> pointers;
  for (Taped& t : inputs) pointers.push_back(&t);
  return op.invoke(pointers)[0];
}

}  // namespace

TEST_CASE("trace: operations become a symbol, arrays from outside its parameters") {
  Taped x = taped({2}, {1, 2}), w = taped({2}, {3, 4}).share();
  Taped* given[] = {&x};
  Trace trace(given);
  const Taped inside = trace.inputs()[0];
  Taped y = call("elemwise_add", {call("elemwise_mul", {inside, w}), w});
  CHECK_THROWS_AS(autograd::check_read(y, "test"), Error);
  Taped* outputs[] = {&y};
  const Symbol symbol = trace.end(outputs);
  CHECK(symbol.list_arguments() == std::vector<std::string>{"data0", "param0"});
  CHECK(trace.captured().size() == 1);
  CHECK(trace.captured()[0].array.same_memory(w.array));
  CachedOp op(symbol, {"param0"});
  CHECK(numbers(invoke_one(op, {x, w}).array) == Numbers{6, 12});
  CHECK_THROWS_AS(autograd::check_read(y, "test"), Error);  // it never got a value
}

TEST_CASE("trace: writes are refused") {
  Taped x = taped({2}, {1, 2});
  Taped* given[] = {&x};
  Trace trace(given);
  Taped inside = trace.inputs()[0];
  CHECK_THROWS_AS(autograd::copy(inside, x), Error);
  CHECK_THROWS_AS(autograd::check_write(x, "test"), Error);
  CHECK_THROWS_AS(call("sgd_mom_update", {inside, inside, inside}, {{"lr", 0.1}}), Error);
  CHECK_THROWS_AS(Trace{given}, Error);
}

TEST_CASE("cached op: a * b + 1 is one step") {
  const Symbol a = Symbol::variable("a"), b = Symbol::variable("b");
  CachedOp op(apply("_plus_scalar", {{"scalar", 1.0}}, {apply("elemwise_mul", {}, {a, b})}), {});
  CHECK(numbers(invoke_one(op, {taped({2}, {1, 2}), taped({2}, {3, 4})}).array) == Numbers{4, 9});
  const std::string steps = op.describe();
  CHECK(std::count(steps.begin(), steps.end(), '\n') == 1);
  invoke_one(op, {taped({2}, {1, 2}), taped({2}, {3, 4})});
  CHECK(op.num_plans() == 1);
  invoke_one(op, {taped({1}, {1}), taped({1}, {3})});
  CHECK(op.num_plans() == 2);
}

TEST_CASE("cached op: a plan for every device") {
  CachedOp op(apply("square", {}, {apply("exp", {}, {Symbol::variable("x")})}), {});
  for (int index : {0, 1, 0}) {
    const DeviceId device{DeviceKind::cpu, index};
    Taped x{NDArray({2}, DType::f32, device)};
    const float values[] = {0, 1};
    x.array.copy_from_host(values, sizeof(values));
    CHECK(invoke_one(op, {x}).array.device() == device);
  }
  CHECK(op.num_plans() == 2);
}

TEST_CASE("cached op: gradients of calls that overlap, in any order") {
  const Symbol x = Symbol::variable("x");
  CachedOp op(apply("square", {}, {apply("exp", {}, {x})}), {});
  Taped p = variable({1}, {0}), q = variable({1}, {1});
  Taped y, z;
  {
    const Recording recording;
    y = invoke_one(op, {p});
    z = invoke_one(op, {q});
  }
  test::backward(y);
  test::backward(z);
  CHECK(gradient_of(p)[0] == doctest::Approx(2));
  CHECK(gradient_of(q)[0] == doctest::Approx(2 * std::exp(2.0)));
}

TEST_CASE("cached op: a retained graph is run again; a second order is refused") {
  const Symbol x = Symbol::variable("x");
  CachedOp op(apply("square", {}, {apply("exp", {}, {apply("tanh", {}, {x})})}), {});
  Taped p = variable({1}, {0.5f}, GradRequest::add);
  const Recording recording;
  const Taped y = invoke_one(op, {p});
  autograd::BackwardOptions retain;
  retain.retain_graph = true;
  test::backward(y, retain);
  const float once = gradient_of(p)[0];
  CHECK_THROWS_AS(grad(y, {p}, true), Error);
  test::backward(y);
  CHECK(gradient_of(p)[0] == doctest::Approx(2 * once));
  CHECK_THROWS_AS(test::backward(y), Error);
}

TEST_CASE("cached op: parameters are read anew, folded or not") {
  const Symbol x = Symbol::variable("x"), w = Symbol::variable("w");
  const Symbol net = apply("FullyConnected", {{"num_hidden", int64_t{2}}, {"no_bias", true}}, {x, w});
  CachedOp op(net, {"w"});
  const Taped data = taped({1, 2}, {1, 1});
  Taped weight = taped({2, 2}, {1, 2, 3, 4});
  CHECK(numbers(invoke_one(op, {data, weight}).array) == Numbers{3, 7});
  const float other[] = {0, 0, 1, 1};
  weight.array.copy_from_host(other, sizeof other);
  CHECK(numbers(invoke_one(op, {data, weight}).array) == Numbers{0, 2});
  CHECK(numbers(invoke_one(op, {data, taped({2, 2}, {1, 0, 0, 1})}).array) == Numbers{1, 1});
  CHECK_THROWS_AS(CachedOp(net, {"nobody"}), Error);
  CHECK_THROWS_AS(invoke_one(op, {data}), Error);
}

TEST_CASE("cached op: draws are new at every call and repeat with the seed") {
  CachedOp op(apply("Dropout", {{"p", 0.5}}, {Symbol::variable("x")}), {});
  const Taped x = taped({64}, Numbers(64, 1.0f));
  auto draw = [&] {
    const Recording recording;
    return numbers(invoke_one(op, {x}).array);
  };
  seed_random(3);
  const Numbers first = draw(), second = draw();
  CHECK(first != second);
  seed_random(3);
  CHECK(draw() == first);
}

TEST_CASE("cached op: a loss ignores the gradient of its output") {
  const Symbol net = apply("SoftmaxOutput", {}, {Symbol::variable("x"), Symbol::variable("y")});
  CachedOp op(net, {});
  Taped x = variable({1, 2}, {0, 0});
  const Recording recording;
  test::backward(invoke_one(op, {x, taped({1}, {1})}));
  CHECK(gradient_of(x) == Numbers{0.5f, -0.5f});
}

}  // namespace mixnet

// Every allocation of a piece of work fails once, the first, the second and so on: the error is always a clean "memory", work done
// afterwards gives the right result, and nothing stays allocated.
#include <doctest/doctest.h>

#include <functional>

#include "executor/executor.h"
#include "executor/invoke.h"
#include "ndarray/serialize.h"
#include "ndarray/values.h"
#include "op/core/registry.h"
#include "storage/storage.h"

namespace mixnet {
namespace {

using test::values;

Storage& pool() { return storage({}); }

NDArray filled(const Shape& shape, float value) {
  NDArray array(shape, DType::f32);
  const std::vector<float> v(static_cast<size_t>(shape.size()), value);
  array.copy_from_host(v.data(), array.bytes());
  return array;
}

NDArray call(const char* name, const std::vector<NDArray>& inputs, const Attributes& params = {}) {
  const OpSchema& op = registry().at(name);
  std::vector<NDArray> out;
  invoke(op, op.make_params(params), inputs, out);
  return out[0];
}

using Work = std::function<std::vector<float>()>;

// Takes what the engine still remembers, which must be about memory. Whether there was anything.
bool forget_errors() {
  try {
    engine().wait_all();
    return false;
  } catch (const Error& e) {
    CHECK(e.code() == Code::memory);
    return true;
  }
}

// `work` makes everything it needs and throws it away. Returns the number of allocations that were failed.
int fail_each_allocation(const Work& work) {
  const std::vector<float> expected = work();
  engine().wait_all();
  const int64_t in_use = pool().statistics().in_use;
  for (int k = 1;; ++k) {
    INFO("allocation " << k);
    REQUIRE(k < 500);
    const int64_t before = pool().statistics().allocations;
    pool().fail_at(k);
    bool failed = false;
    try {
      const std::vector<float> got = work();  // CHECK would catch what it throws
      CHECK(got == expected);
    } catch (const Error& e) {
      failed = true;
      CHECK_MESSAGE(e.code() == Code::memory, std::string(e.what()));
      CHECK(std::string(e.what()).find("a test asked for it") != std::string::npos);
    }
    // An array that was overwritten afterwards has its right value: then only wait_all tells.
    const bool told = forget_errors() || failed;
    const bool reached = pool().statistics().allocations - before >= k;
    pool().fail_at(0);
    CHECK(told == reached);
    CHECK(pool().statistics().in_use == in_use);
    CHECK(work() == expected);
    engine().wait_all();
    CHECK(pool().statistics().in_use == in_use);
    if (!reached) return k - 1;
  }
}

Symbol network() {
  const OpSchema &fc = registry().at("FullyConnected"), &act = registry().at("Activation"),
                 &softmax = registry().at("SoftmaxOutput");
  const Symbol x = Symbol::variable("data");
  const Symbol hidden = Symbol::create(fc, {{"num_hidden", 5}}, {}, {{"", x}}, "fc1");
  const Symbol active = Symbol::create(act, {{"act_type", "relu"}}, {}, {{"", hidden}}, "act");
  return Symbol::create(softmax, {}, {}, {{"", Symbol::create(fc, {{"num_hidden", 3}}, {}, {{"", active}}, "fc2")}},
                        "softmax");
}

std::shared_ptr<Executor> bound() {
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", Shape{2, 4}}};
  arguments.default_request = GradRequest::write;
  const auto executor = simple_bind(network(), {}, arguments, nullptr);
  float next = 0.1f;
  for (const NDArray& a : executor->bound().arguments) {
    const std::vector<float> v(static_cast<size_t>(a.size()), next);
    a.copy_from_host(v.data(), a.bytes());
    next += 0.1f;
  }
  return executor;
}

std::vector<float> train(Executor& executor) {
  executor.forward(true);
  executor.backward({});
  std::vector<float> all = values(executor.outputs()[0]);
  for (const NDArray& g : executor.bound().gradients) {
    if (g.none()) continue;
    for (float v : values(g)) all.push_back(v);
  }
  return all;
}

}  // namespace

TEST_CASE("out of memory: a chain of imperative calls") {
  const int failures = fail_each_allocation([] {
    NDArray x = filled({300, 40}, 2), w = filled({40, 300}, 0.5f);
    for (int i = 0; i < 4; ++i) x = call("tanh", {call("dot", {call("dot", {x, w}), x})});
    return values(call("sum", {x}));
  });
  CHECK(failures >= 15);
}

TEST_CASE("out of memory: a target that was poisoned is healed by writing it again") {
  const NDArray x = filled({10}, 3), target({10}, DType::f32);
  pool().fail_at(1);
  copy(x, target);
  CHECK_THROWS_AS(values(target), Error);
  pool().fail_at(0);
  forget_errors();
  copy(x, target);
  CHECK(values(target)[9] == 3);
}

TEST_CASE("out of memory: bind, forward and backward") {
  const int failures = fail_each_allocation([] { return train(*bound()); });
  CHECK(failures >= 8);
}

TEST_CASE("out of memory: an executor survives the failure of any of its allocations") {
  const std::vector<float> expected = train(*bound());
  for (int k = 1; k < 40; ++k) {
    INFO("allocation " << k);
    const auto executor = bound();
    pool().fail_at(k);
    try {
      const std::vector<float> got = train(*executor);
      CHECK(got == expected);
    } catch (const Error& e) {
      CHECK_MESSAGE(e.code() == Code::memory, std::string(e.what()));
    }
    pool().fail_at(0);
    forget_errors();
    CHECK(train(*executor) == expected);
    engine().wait_all();
  }
}

TEST_CASE("out of memory: an executor without a loss keeps its ones for backward") {
  const OpSchema& square = registry().at("square");
  const Symbol symbol = Symbol::create(square, {}, {}, {{"", Symbol::variable("x")}}, "sq");
  for (int k = 1; k < 12; ++k) {
    INFO("allocation " << k);
    BindArguments arguments;
    arguments.arguments = {filled({4}, 3)};
    arguments.gradients = {filled({4}, 0)};
    arguments.requests = {GradRequest::write};
    const auto executor = bind(symbol, {}, arguments, nullptr);
    pool().fail_at(k);
    try {
      train(*executor);
    } catch (const Error& e) {
      CHECK_MESSAGE(e.code() == Code::memory, std::string(e.what()));
    }
    pool().fail_at(0);
    forget_errors();
    CHECK(train(*executor) == std::vector<float>{9, 9, 9, 9, 6, 6, 6, 6});
  }
}

TEST_CASE("out of memory: tensors that no machine has are refused before anything is made for them") {
  const NDArray x = filled({2, 2, 2, 2}, 1);
  const Attributes pad = {{"mode", "constant"}, {"pad_width", Shape{0, 0, 0, 0, int64_t{1} << 45, 0, 0, 0}}};
  CHECK_THROWS_WITH_AS(call("Pad", {x}, pad), doctest::Contains("does not fit into cpu(0)"), Error);
  // In a bound graph the inner tensor's size overflows; what comes out is one number.
  const Symbol tiled = Symbol::create(registry().at("tile"), {{"reps", Shape{int64_t{1} << 40, int64_t{1} << 40}}}, {},
                                      {{"", Symbol::variable("x")}}, "tiled");
  const Symbol total = Symbol::create(registry().at("sum"), {}, {}, {{"", tiled}}, "total");
  BindArguments arguments;
  arguments.arguments = {filled({2, 2}, 1)};
  CHECK_THROWS_WITH_AS(bind(total, {}, arguments, nullptr), doctest::Contains("more bytes than 2^63"), Error);
  const Symbol large = Symbol::create(registry().at("tile"), {{"reps", Shape{int64_t{1} << 45}}}, {},
                                      {{"", Symbol::variable("x")}}, "large");
  CHECK_THROWS_WITH_AS(
      bind(Symbol::create(registry().at("sum"), {}, {}, {{"", large}}, "total"), {}, arguments, nullptr),
      doctest::Contains("does not fit into cpu(0)"), Error);
}

TEST_CASE("out of memory: loading arrays") {
  NamedArrays list;
  for (int i = 0; i < 5; ++i) list.arrays.push_back(filled({20, i + 1}, static_cast<float>(i)));
  const std::string bytes = save_arrays_to_memory(list);
  const int failures = fail_each_allocation([&] {
    std::vector<float> all;
    for (const NDArray& a : load_arrays_from_memory(bytes.data(), bytes.size(), "test").arrays) {
      for (float v : values(a)) all.push_back(v);
    }
    return all;
  });
  CHECK(failures == 5);
}

}  // namespace mixnet

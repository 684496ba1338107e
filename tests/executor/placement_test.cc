// Graphs whose groups live on several contexts: the same bits as on one, copies where values cross, memory where it belongs.
#include "pass/placement.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#include "executor/invoke.h"
#include "small_nets.h"
#include "storage/storage.h"

using namespace mixnet;
using namespace mixnet::test;

namespace {

const DeviceId zero{}, one{DeviceKind::cpu, 1}, two{DeviceKind::cpu, 2};

Symbol grouped(const std::string& group, const char* op, const Attributes& params, std::vector<Symbol> inputs,
               const std::string& name) {
  std::vector<std::pair<std::string, Symbol>> named;
  for (Symbol& s : inputs) named.emplace_back("", std::move(s));
  return Symbol::create(registry().at(op), params, {{"ctx_group", group}}, named, name);
}

Symbol full(const std::string& group, Symbol x, int64_t hidden, const std::string& name) {
  return grouped(group, "FullyConnected", {{"num_hidden", hidden}}, {std::move(x)}, name);
}

Symbol mlp() {
  Symbol x = full("a", Symbol::variable("data"), 24, "fc1");
  x = apply("Activation", {{"act_type", "tanh"}}, {x}, "act1");
  x = full("b", apply("Dropout", {{"p", 0.5}}, {x}, "drop"), 16, "fc2");
  x = grouped("b", "BatchNorm", {}, {x}, "norm");
  x = grouped("b", "elemwise_add", {}, {x, full("a", x, 16, "side")}, "sum");
  return apply("SoftmaxOutput", {}, {full("b", x, 5, "fc3")}, "softmax");
}

// Layers over time steps; the state passes on within a layer, the output to the layer above.
Symbol recurrent(int layers, int steps) {
  std::vector<Symbol> below;
  for (int t = 0; t < steps; ++t) below.push_back(Symbol::variable("data" + std::to_string(t)));
  for (int layer = 0; layer < layers; ++layer) {
    const std::string group = layer * 2 < layers ? "a" : "b", name = "layer" + std::to_string(layer);
    const Symbol w = Symbol::variable(name + "_w", {{"ctx_group", group}}),
                 u = Symbol::variable(name + "_u", {{"ctx_group", group}});
    Symbol state = grouped(group, "_zeros", {{"shape", Shape{3, 8}}}, {}, name + "_start");
    for (int t = 0; t < steps; ++t) {
      const std::string at = name + "_" + std::to_string(t);
      const Symbol x = grouped(group, "dot", {}, {below[static_cast<size_t>(t)], w}, at + "_x");
      const Symbol h = grouped(group, "dot", {}, {state, u}, at + "_h");
      state = grouped(group, "tanh", {}, {grouped(group, "elemwise_add", {}, {x, h}, at + "_sum")}, at);
      below[static_cast<size_t>(t)] = state;
    }
  }
  return apply("MakeLoss", {}, {apply("add_n", {{"num_args", int64_t{steps}}}, below, "total")}, "loss");
}

struct Net {
  Symbol symbol;
  SimpleBindArguments arguments;
};

Net mlp_net() { return {mlp(), {{{"data", {6, 12}}}, {}, {{"softmax_label", GradRequest::null}}}}; }
Net recurrent_net() {
  Net net{recurrent(4, 5), {}};
  for (int t = 0; t < 5; ++t) net.arguments.shapes.emplace_back("data" + std::to_string(t), Shape{3, 8});
  for (int layer = 0; layer < 4; ++layer)
    for (const char* which : {"_w", "_u"})
      net.arguments.shapes.emplace_back("layer" + std::to_string(layer) + which, Shape{8, 8});
  return net;
}

std::shared_ptr<Executor> bound(const Net& net, const Groups& groups) {
  auto e = simple_bind(net.symbol.placed(groups), zero, net.arguments);
  uint32_t seed = 1;
  for (const NDArray& a : e->bound().arguments) fill(a, seed++, 0.8f);
  for (const NDArray& a : e->bound().states) fill(a, seed++, 0.1f);
  return e;
}

void check_equal(const NDArray& a, const NDArray& b) {
  REQUIRE(a.shape() == b.shape());
  const std::vector<float> x = values(a), y = values(b);
  CHECK(std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0);
}

// Some steps of training by hand, and a prediction; everything that a user can see is the same.
void check_same(const Net& net, const Groups& groups) {
  const auto plain = bound(net, {}), placed = bound(net, groups);
  for (int step = 0; step < 3; ++step) {
    for (const auto& e : {plain, placed}) {
      seed_random(7 + static_cast<uint64_t>(step));
      e->forward(true);
      e->backward({});
      const BindArguments& b = e->bound();
      for (size_t i = 0; i < b.arguments.size(); ++i) {
        if (b.gradients[i].none()) continue;
        std::vector<NDArray> out{b.arguments[i]};
        const OpSchema& update = registry().at("sgd_update");
        const NDArray inputs[] = {b.arguments[i], b.gradients[i]};
        invoke(update, update.make_params({{"lr", 0.1}}), inputs, out);
      }
    }
    const BindArguments &x = plain->bound(), &y = placed->bound();
    for (size_t i = 0; i < plain->outputs().size(); ++i) check_equal(plain->outputs()[i], placed->outputs()[i]);
    for (size_t i = 0; i < x.arguments.size(); ++i) {
      check_equal(x.arguments[i], y.arguments[i]);
      if (!x.gradients[i].none()) check_equal(x.gradients[i], y.gradients[i]);
    }
    for (size_t i = 0; i < x.states.size(); ++i) check_equal(x.states[i], y.states[i]);
  }
  for (const auto& e : {plain, placed}) e->forward(false);
  for (size_t i = 0; i < plain->outputs().size(); ++i) check_equal(plain->outputs()[i], placed->outputs()[i]);
}

NDArray clone(const NDArray& a) {
  NDArray to(a.shape(), a.dtype(), a.device());
  copy(a, to);
  return to;
}

size_t count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

const NDArray& argument(const Executor& e, const std::string& name) {
  const std::vector<std::string> names = e.symbol().list_arguments();
  const auto at = std::find(names.begin(), names.end(), name);
  REQUIRE(at != names.end());
  return e.bound().arguments[static_cast<size_t>(at - names.begin())];
}

}  // namespace

TEST_CASE("placed nets give the same bits as nets on one device") {
  for (const char* order : {"0", "1"}) {
    setenv("MIXNET_SIDE_BY_SIDE", order, 1);
    for (const Groups& groups :
         {Groups{{"a", one}, {"b", two}}, Groups{{"a", zero}, {"b", one}}, Groups{{"a", one}, {"b", one}}}) {
      check_same(mlp_net(), groups);
      check_same(recurrent_net(), groups);
    }
  }
  unsetenv("MIXNET_SIDE_BY_SIDE");
}

TEST_CASE("what is on a group's device") {
  const auto e = bound(mlp_net(), {{"a", one}, {"b", two}});
  CHECK(argument(*e, "fc1_weight").device() == one);
  CHECK(argument(*e, "data").device() == zero);  // a variable without a group
  CHECK(argument(*e, "fc3_bias").device() == two);
  CHECK(e->bound().states[0].device() == two);
  CHECK(e->outputs()[0].device() == two);  // softmax has no group: with its first input
  CHECK(e->bound().gradients[1].device() == e->bound().arguments[1].device());
  CHECK(count(bound(mlp_net(), {})->describe(), "_CrossDeviceCopy") == 0);
  // Forward: data, fc1's output, norm's, side's and the label; backward: what fc2, side and sum hand back, data's gradient.
  CHECK(count(e->describe(), "_CrossDeviceCopy") == 9);
}

TEST_CASE("a state without a group is with the node that changes it") {
  Symbol x = full("a", Symbol::variable("data"), 4, "fc");
  x = apply("BatchNorm", {}, {x}, "norm");
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", {2, 3}}};
  const auto e = simple_bind(x.placed({{"a", one}}), zero, arguments);
  CHECK(e->bound().states[0].device() == one);
  e->forward(true);
  e->backward({});
  e->outputs()[0].wait_to_read();
}

TEST_CASE("an arena on every device, in its own pool") {
  const Net net = mlp_net();
  const int64_t before = storage(two).statistics().in_use;
  const auto e = bound(net, {{"a", one}, {"b", two}});
  e->forward(true);
  e->backward({});
  e->outputs()[0].wait_to_read();
  const std::vector<DeviceMemory> memory = e->device_memory(true);
  REQUIRE(memory.size() == 3);
  CHECK(memory[0].device == zero);
  CHECK(on_device(memory, one).planned > 0);
  CHECK(on_device(memory, two).planned > 0);
  CHECK(on_device(memory, two).external > 0);
  CHECK(storage(two).statistics().in_use - before >= on_device(memory, two).planned);
  CHECK(e->memory(true).planned == memory[0].memory.planned + memory[1].memory.planned + memory[2].memory.planned);
  CHECK(e->memory(true).planned >= e->memory(true).lower_bound);
  SimpleBindArguments arguments = net.arguments;
  const auto estimate = estimate_device_memory(net.symbol.placed({{"a", one}, {"b", two}}), arguments, true);
  CHECK(on_device(estimate, two).planned == on_device(memory, two).planned);
}

TEST_CASE("executors of other shapes share each device's arena") {
  const auto e = bound(mlp_net(), {{"a", one}, {"b", two}});
  const auto smaller = reshape(e, true, false, {{"data", {2, 12}}, {"softmax_label", {2}}});
  CHECK(argument(*smaller, "fc2_weight").same_memory(argument(*e, "fc2_weight")));
  for (int i = 0; i < 3; ++i) {
    smaller->forward(true);
    e->forward(true);
    smaller->backward({});
  }
  CHECK(smaller->outputs()[0].shape() == Shape{2, 5});
  CHECK(smaller->outputs()[0].device() == two);
  smaller->outputs()[0].wait_to_read();
}

TEST_CASE("a monitor sees the copies") {
  const auto e = bound(mlp_net(), {{"a", one}, {"b", two}});
  e->forward(false);
  const NDArray want = clone(e->outputs()[0]);
  std::map<std::string, DeviceId> seen;
  e->set_monitor([&](const std::string& name, const NDArray& value) { seen[name] = value.device(); }, false);
  e->forward(false);
  CHECK(seen.at("fc1_output") == one);
  CHECK(seen.at("drop_0_copy_output") == two);
  CHECK(difference(e->outputs()[0], want) < 1e-5);  // BatchNorm is not folded now
}

TEST_CASE("arguments may be elsewhere, states and gradients may not") {
  const Net net = mlp_net();
  const Symbol placed = net.symbol.placed({{"a", one}, {"b", two}});
  const auto right = bound(net, {{"a", one}, {"b", two}});
  right->forward(false);
  BindArguments b = right->bound();
  b.gradients.clear();
  b.requests.clear();
  for (NDArray& a : b.arguments) {
    NDArray other(a.shape(), a.dtype(), DeviceId{DeviceKind::cpu, 5});
    copy(a, other);
    a = other;
  }
  const auto elsewhere = bind(placed, zero, b);
  elsewhere->forward(false);
  check_equal(elsewhere->outputs()[0], right->outputs()[0]);

  BindArguments states = right->bound();
  states.states[0] = NDArray(states.states[0].shape(), DType::f32, one);
  CHECK_THROWS_WITH_AS(bind(placed, zero, states), "[bind] norm_moving_mean: expected an array on cpu(2), got cpu(1)",
                       Error);
  BindArguments grads = right->bound();
  grads.gradients[1] = NDArray(grads.gradients[1].shape(), DType::f32, two);
  CHECK_THROWS_WITH_AS(bind(placed, zero, grads),
                       "[bind] gradient of fc1_weight: expected an array on cpu(1), got cpu(2)", Error);
  CHECK_THROWS_WITH_AS(simple_bind(net.symbol.placed({{"a", one}}), zero, net.arguments),
                       "[bind] group2ctx: no context for group 'b' of variable fc2_weight", Error);
  CHECK_THROWS_AS(simple_bind(net.symbol.placed({{"a", one}, {"b", {DeviceKind::gpu, 0}}}), zero, net.arguments),
                  Error);
}

TEST_CASE("a failed step on one device is told at the output and gone in the next") {
  const Net net = mlp_net();
  const auto e = bound(net, {{"a", one}, {"b", two}});
  e->forward(false);
  e->outputs()[0].wait_to_read();
  const auto fresh = bound(net, {{"a", one}, {"b", two}});
  storage(one).fail_at(1);  // the arena, when the step begins
  fresh->forward(false);
  CHECK_THROWS_AS(fresh->outputs()[0].wait_to_read(), Error);
  storage(one).fail_at(0);
  fresh->forward(false);
  fresh->outputs()[0].wait_to_read();
  CHECK_THROWS_AS(engine().wait_all(), Error);  // the first failure since
  engine().wait_all();
}

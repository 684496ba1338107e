// Plans that keep oneDNN's layouts between kernels, and packed weights, against row-major plans.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

#include "executor/executor.h"
#include "executor/layouts.h"
#include "ndarray/dlpack.h"
#include "op/core/registry.h"
#include "small_nets.h"

namespace mixnet {
namespace {

using namespace test;

// Everything that stands between convolutions: normalisation, activation, pooling of both kinds, a residual, a branch that
// ends in a row-major operator, joining. No bias before a norm: its gradient would be nothing but rounding.
Symbol net() {
  Symbol x = conv(Symbol::variable("data"), 32, 3, "conv0", false);
  x = apply("Activation", {{"act_type", "relu"}}, {apply("BatchNorm", {{"fix_gamma", false}}, {x}, "bn0")});
  x = apply("Pooling", {{"kernel", Shape{2, 2}}, {"stride", Shape{2, 2}}, {"pool_type", "max"}}, {x});
  Symbol y = apply("elemwise_add", {}, {conv(x, 32, 3, "conv1"), x});
  y = apply("Activation", {{"act_type", "relu"}}, {y});
  // A normalised branch and a plain one, joined by a group of pointwise operators.
  y = apply("elemwise_mul", {},
            {apply("BatchNorm", {{"fix_gamma", false}}, {conv(y, 32, 1, "conv1b", false)}, "bn1"), y});
  y = apply("Activation", {{"act_type", "relu"}}, {apply("elemwise_add", {}, {y, conv(x, 32, 1, "conv1c")})});
  Symbol a = conv(y, 16, 1, "conv2a"), b = apply("Activation", {{"act_type", "tanh"}}, {conv(y, 48, 3, "conv2b")});
  Symbol joined = apply("Concat", {{"num_args", 2}, {"dim", 1}}, {a, b});
  joined = apply("LRN", {{"nsize", 5}}, {joined});
  Symbol pooled = apply("Pooling", {{"kernel", Shape{3, 3}}, {"stride", Shape{2, 2}}, {"pool_type", "avg"}},
                        {conv(joined, 24, 3, "conv3")});
  Symbol flat = apply("Flatten", {}, {pooled});
  return apply("SoftmaxOutput", {}, {apply("FullyConnected", {{"num_hidden", 10}}, {flat}, "fc")}, "softmax");
}

// Values that one reader takes in blocks and another row-major, so that their gradients meet in two layouts.
Symbol split_net() {
  Symbol x = conv(Symbol::variable("data"), 32, 3, "conv0", false);
  x = apply("Activation", {{"act_type", "relu"}}, {apply("BatchNorm", {{"fix_gamma", false}}, {x}, "bn0")});
  const Attributes window{{"kernel", Shape{2, 2}}, {"stride", Shape{2, 2}}, {"pool_type", "max"}};
  Symbol pooled = conv(apply("Pooling", window, {x}), 16, 3, "conv1");
  Symbol a = apply("FullyConnected", {{"num_hidden", 10}}, {apply("Flatten", {}, {pooled})}, "fc0");
  Symbol b = apply("FullyConnected", {{"num_hidden", 10}}, {apply("Flatten", {}, {x})}, "fc1");
  return apply("SoftmaxOutput", {}, {apply("elemwise_add", {}, {a, b})}, "softmax");
}

std::shared_ptr<Executor> bound(bool layouts, GradRequest request, Symbol (*make)() = net) {
  setenv("MIXNET_LAYOUTS", layouts ? "1" : "0", 1);
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", {4, 3, 20, 20}}};
  arguments.default_request = request;
  const auto e = simple_bind(make(), {}, arguments);
  for (size_t i = 0; i < e->bound().arguments.size(); ++i)
    fill(e->bound().arguments[i], static_cast<uint32_t>(i), 0.6f);
  for (size_t i = 0; i < e->bound().states.size(); ++i) {
    const NDArray& a = e->bound().states[i];
    std::vector<float> ones(static_cast<size_t>(a.size()), 1.0f + 0.1f * static_cast<float>(i));
    a.copy_from_host(ones.data(), a.bytes());
  }
  unsetenv("MIXNET_LAYOUTS");
  return e;
}

}  // namespace

TEST_CASE("layouts: training gives what row-major plans give") {
  Symbol (*make)() = nullptr;
  SUBCASE("kept from layer to layer") { make = net; }
  SUBCASE("refused by a reader") { make = split_net; }
  const auto a = bound(true, GradRequest::write, make), b = bound(false, GradRequest::write, make);
  for (int step = 0; step < 2; ++step) {
    for (const auto& e : {a, b}) {
      e->forward(true);
      e->backward({});
    }
    CHECK(difference(a->outputs()[0], b->outputs()[0]) < 1e-4);
    for (size_t i = 0; i < a->bound().gradients.size(); ++i) {
      INFO(i);
      // The bias before BatchNorm has no gradient but what rounding leaves of one.
      if (!a->bound().gradients[i].none())
        CHECK(difference(a->bound().gradients[i], b->bound().gradients[i], 2e-2) < 2e-3);
    }
    for (size_t i = 0; i < a->bound().states.size(); ++i)
      CHECK(difference(a->bound().states[i], b->bound().states[i]) < 1e-4);
  }
}

TEST_CASE("layouts: prediction, also after weights have changed") {
  const auto a = bound(true, GradRequest::null), b = bound(false, GradRequest::null);
  auto check = [&] {
    for (const auto& e : {a, b}) e->forward(false);
    CHECK(difference(a->outputs()[0], b->outputs()[0]) < 1e-4);
  };
  check();
  check();
  const std::vector<float> before = values(a->outputs()[0]);
  for (size_t i = 1; i < a->bound().arguments.size(); ++i) {
    for (const auto& e : {a, b}) fill(e->bound().arguments[i], 77 + static_cast<uint32_t>(i), 0.8f);
  }
  check();
  CHECK(values(a->outputs()[0]) != before);
}

TEST_CASE("layouts: memory that is written from outside is converted every time") {
  const auto a = bound(true, GradRequest::null), b = bound(false, GradRequest::null);
  for (const auto& e : {a, b}) e->forward(false);
  for (const auto& e : {a, b}) {
    const NDArray& weight = e->bound().arguments[4];
    weight.wait_to_write();
    weight.chunk()->expose();
    float* w = weight.view().as<float>();
    for (int64_t i = 0; i < weight.size(); ++i) w[i] *= 1.5f;
    e->forward(false);
  }
  CHECK(difference(a->outputs()[0], b->outputs()[0]) < 1e-4);
}

TEST_CASE("layouts: a monitor sees row-major values by name") {
  const auto a = bound(true, GradRequest::null), b = bound(false, GradRequest::null);
  std::map<std::string, std::vector<float>> seen[2];
  for (int i : {0, 1}) {
    const auto& e = i ? b : a;
    e->set_monitor([&seen, i](const std::string& name, const NDArray& value) { seen[i][name] = values(value); }, false);
    e->forward(false);
  }
  CHECK(seen[0].count("conv0_output") == 1);
  CHECK(seen[0].size() == seen[1].size());
  for (const auto& [name, value] : seen[0]) {
    INFO(name);
    CHECK(value == seen[1][name]);
  }
}

TEST_CASE("layouts: values stay where every reader takes them, and only there") {
  // A layout and kernels that exist for this test: `like` names what a kernel wants.
  struct TestLayout : Layout {
    int64_t bytes() const override { return 64; }
    bool same(const Layout&) const override { return true; }
    bool gapless() const override { return true; }
    LayoutPtr with_extent(int, int64_t) const override { return nullptr; }
    int64_t step(int) const override { return 0; }
    int64_t piece(int, int64_t) const override { return -1; }
  };
  struct TestKernel : Kernel {
    explicit TestKernel(bool likes) : likes_(likes) {}
    void run(const RunContext&) const override {}
    LayoutPtr input_layout(int) const override { return likes_ ? std::make_shared<TestLayout>() : nullptr; }
    LayoutPtr output_layout(int) const override { return likes_ ? std::make_shared<TestLayout>() : nullptr; }
    bool likes_;
  };
  auto node = [](const char* op, const char* name, std::vector<Entry> inputs) {
    const OpSchema& schema = registry().at(op);
    return PlainNodeBuilder().make(schema, schema.make_params({}), std::move(inputs), name)[0];
  };
  // likes0 -> relu -> likes1 -> plain: the first two values stay, the third does not.
  const Entry x{make_variable("x"), 0},
      first = node("softmax", "likes0", {x}), second = node("relu", "between", {first}),
      third = node("softmax", "likes1", {second}), last = node("softmax", "plain", {third});
  for (bool branch : {false, true}) {
    // With a second, plain reader of `between` nothing before likes1 stays.
    const Entry other = node("softmax", "plain2", {second});
    const Graph graph(branch ? std::vector<Entry>{last, other} : std::vector<Entry>{last});
    LayoutInput input;
    input.graph = &graph;
    input.external.assign(static_cast<size_t>(graph.num_entries()), false);
    input.prepare = [&](int id, Span<const LayoutPtr>) {
      return std::make_unique<TestKernel>(graph.node(id)->name.compare(0, 5, "likes") == 0);
    };
    const LayoutChoice choice = choose_layouts(input);
    auto kept = [&](const Entry& e) { return choice.kept[static_cast<size_t>(graph.entry(e))] != nullptr; };
    CHECK(kept(first) == !branch);
    CHECK(kept(second) == !branch);
    CHECK_FALSE(kept(third));
    CHECK_FALSE(kept(last));
    CHECK_FALSE(kept(x));
    input.keep = false;
    for (const LayoutPtr& layout : choose_layouts(input).kept) CHECK_FALSE(layout);
  }
  // However long the chain of pointwise operators before a plain reader is, the others settle.
  Entry end = first;
  for (int i = 0; i < 40; ++i) end = node("relu", "link", {end});
  const Entry other{make_variable("y"), 0}, pair = node("softmax", "likes2", {other}),
                                            taken = node("softmax", "likes3", {pair});
  const Graph graph(std::vector<Entry>{node("softmax", "plain3", {end}), taken});
  LayoutInput input;
  input.graph = &graph;
  input.external.assign(static_cast<size_t>(graph.num_entries()), false);
  input.prepare = [&](int id, Span<const LayoutPtr>) {
    return std::make_unique<TestKernel>(graph.node(id)->name.compare(0, 5, "likes") == 0);
  };
  const LayoutChoice choice = choose_layouts(input);
  CHECK(choice.kept[static_cast<size_t>(graph.entry(pair))]);
  CHECK_FALSE(choice.kept[static_cast<size_t>(graph.entry(first))]);
  CHECK_FALSE(choice.kept[static_cast<size_t>(graph.entry(end))]);
}

}  // namespace mixnet

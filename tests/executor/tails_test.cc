// Layers that take pointwise operators and BatchNorm along, against the same graphs node by node.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "executor/executor.h"
#include "op/core/registry.h"
#include "small_nets.h"

namespace mixnet {
namespace {

using namespace test;

Symbol variable(const char* name) { return Symbol::variable(name); }
Symbol norm(Symbol x, const std::string& name, bool fix_gamma = false) {
  return apply("BatchNorm", {{"fix_gamma", fix_gamma}, {"eps", 1e-3}}, {std::move(x)}, name);
}
Symbol relu(Symbol x) { return apply("Activation", {{"act_type", "relu"}}, {std::move(x)}); }
Symbol plain_conv(Symbol x, int64_t filters, const std::string& name) {
  return apply("Convolution",
               {{"kernel", Shape{3, 3}}, {"pad", Shape{1, 1}}, {"num_filter", filters}, {"no_bias", true}},
               {std::move(x)}, name);
}

struct Setting {
  bool optimised;
  Setting(bool on) : optimised(on) {
    for (const char* name : {"MIXNET_FUSION", "MIXNET_FOLD", "MIXNET_LAYOUTS"}) setenv(name, on ? "1" : "0", 1);
  }
  ~Setting() {
    for (const char* name : {"MIXNET_FUSION", "MIXNET_FOLD", "MIXNET_LAYOUTS"}) unsetenv(name);
  }
};

std::shared_ptr<Executor> bound(const Symbol& net, const Shape& data, GradRequest request, bool optimised) {
  const Setting setting(optimised);
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", data}};
  arguments.default_request = request;
  const auto e = simple_bind(net, {}, arguments);
  for (size_t i = 0; i < e->bound().arguments.size(); ++i)
    fill(e->bound().arguments[i], static_cast<uint32_t>(i), 0.8f);
  for (size_t i = 0; i < e->bound().states.size(); ++i) {
    std::vector<float> state(static_cast<size_t>(e->bound().states[i].size()));
    for (size_t k = 0; k < state.size(); ++k)
      state[k] = 0.5f + 0.1f * static_cast<float>(i) + 0.01f * static_cast<float>(k);
    e->bound().states[i].copy_from_host(state.data(), e->bound().states[i].bytes());
  }
  return e;
}

int steps(const Executor& e) {
  const std::string text = e.describe();
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

// Prediction and training of both, twice.
void check_same(const Symbol& net, const Shape& data) {
  const auto a = bound(net, data, GradRequest::write, true), b = bound(net, data, GradRequest::write, false);
  for (int round = 0; round < 2; ++round) {
    for (const auto& e : {a, b}) e->forward(false);
    for (size_t i = 0; i < a->outputs().size(); ++i) CHECK(difference(a->outputs()[i], b->outputs()[i]) < 1e-4);
    for (const auto& e : {a, b}) {
      e->forward(true);
      e->backward({});
    }
    for (size_t i = 0; i < a->outputs().size(); ++i) CHECK(difference(a->outputs()[i], b->outputs()[i]) < 1e-4);
    for (size_t i = 0; i < a->bound().gradients.size(); ++i) {
      INFO(i);
      CHECK(difference(a->bound().gradients[i], b->bound().gradients[i]) < 1e-3);
    }
    for (size_t i = 0; i < a->bound().states.size(); ++i)
      CHECK(difference(a->bound().states[i], b->bound().states[i]) < 1e-4);
  }
}

void check_predictions_same(const Symbol& net, const Shape& data) {
  const auto a = bound(net, data, GradRequest::null, true), b = bound(net, data, GradRequest::null, false);
  for (int round = 0; round < 3; ++round) {
    for (const auto& e : {a, b}) e->forward(false);
    CHECK(difference(a->outputs()[0], b->outputs()[0]) < 1e-5);
  }
}

Shape images() { return {2, 16, 9, 9}; }

}  // namespace

TEST_CASE("tails: a layer takes sums and activations along") {
  for (const char* act : {"relu", "sigmoid", "tanh", "softrelu", "softsign"}) {
    const Symbol x = variable("data");
    check_same(apply("Activation", {{"act_type", act}}, {conv(x, 32, 3, "c")}), images());
    check_same(apply("Activation", {{"act_type", act}}, {apply("elemwise_add", {}, {x, conv(x, 16, 3, "c")})}),
               images());
    check_same(apply("Activation", {{"act_type", act}},
                     {apply("FullyConnected", {{"num_hidden", 120}}, {conv(x, 16, 3, "c")}, "fc")}),
               {64, 16, 9, 9});
  }
  for (const char* act : {"leaky", "elu", "gelu", "selu", "rrelu"}) {
    INFO(act);
    const Attributes attributes{{"act_type", act}, {"slope", 0.1}, {"upper_bound", 0.125}};  // rrelu draws one slope
    const Symbol x = variable("data");
    check_same(apply("LeakyReLU", attributes, {conv(x, 32, 3, "c")}), images());
    check_same(apply("LeakyReLU", attributes, {apply("elemwise_add", {}, {x, conv(x, 16, 3, "c")})}), images());
  }
  check_same(apply("LeakyReLU", {{"act_type", "prelu"}}, {conv(variable("data"), 32, 3, "c")}, "p"), images());
  const Symbol c = apply("_mul_scalar", {{"scalar", -2.0}}, {conv(variable("data"), 32, 3, "c")});
  check_same(apply("_plus_scalar", {{"scalar", 3.0}}, {c}), images());
}

TEST_CASE("tails: one step where oneDNN serves") {
  if (!onednn_enabled()) return;
  const Symbol x = variable("data"), shortcut = conv(x, 32, 1, "s");
  const Symbol net = relu(apply("elemwise_add", {}, {norm(plain_conv(x, 32, "c"), "bn"), shortcut}));
  CHECK(steps(*bound(net, images(), GradRequest::null, true)) == 2);
  CHECK(steps(*bound(net, images(), GradRequest::null, false)) == 5);
}

TEST_CASE("tails: LeakyReLU is taken along where it is one function") {
  if (!onednn_enabled()) return;
  const auto count = [](const char* act) {
    const Symbol net = apply("LeakyReLU", {{"act_type", act}}, {conv(variable("data"), 32, 3, "c")}, "p");
    return steps(*bound(net, images(), GradRequest::null, true));
  };
  for (const char* act : {"leaky", "elu", "gelu"}) CHECK(count(act) == 1);
  for (const char* act : {"selu", "rrelu"}) CHECK(count(act) == 2);
}

TEST_CASE("tails: values with other readers, the input itself as shortcut, both sides layers, outputs in between") {
  const Symbol x = variable("data"), c = conv(x, 16, 3, "c");
  check_same(apply("elemwise_add", {}, {relu(c), c}), images());
  check_same(apply("elemwise_add", {}, {c, c}), images());
  check_same(apply("elemwise_mul", {}, {relu(c), conv(relu(c), 16, 3, "d")}), images());
  check_same(relu(apply("elemwise_add", {}, {conv(x, 16, 1, "a"), conv(x, 16, 3, "b")})), images());
  check_same(Symbol::group({c, relu(c)}), images());
  const Symbol sum = apply("elemwise_add", {}, {x, conv(relu(x), 16, 3, "e")});
  check_same(apply("elemwise_add", {}, {sum, conv(relu(norm(sum, "bn")), 16, 3, "f")}), images());
  // The shortcut is row-major: LRN made it.
  check_same(relu(apply("elemwise_add", {}, {conv(x, 16, 3, "g"), apply("LRN", {{"nsize", 3}}, {c})})), images());
}

TEST_CASE("tails: what broadcasts, what is constant") {
  const Symbol x = variable("data"), c = conv(x, 16, 3, "c");
  const Symbol line = apply("_ones", {{"shape", Shape{1, 16, 1, 1}}}, {}),
               all = apply("_ones", {{"shape", images()}}, {});
  check_same(apply("broadcast_add", {}, {c, line}), images());
  check_same(apply("broadcast_add", {}, {line, conv(x, 16, 1, "d")}), images());
  check_same(relu(apply("elemwise_add", {}, {c, all})), images());
  check_same(apply("elemwise_add", {}, {conv(all, 16, 3, "e"), x}), images());
  // States that a step moves start anew in every run.
  const Symbol step =
      apply("sgd_mom_update", {{"lr", 0.1}, {"momentum", 0.9}},
            {apply("_mul_scalar", {{"scalar", 2.0}}, {x}), x, apply("_zeros", {{"shape", images()}}, {})});
  check_predictions_same(step, images());
  // In training this normalises by the batch.
  const Symbol zeros = apply("_zeros", {{"shape", Shape{16}}}, {}), ones = apply("_ones", {{"shape", Shape{16}}}, {});
  const Symbol ramp =
      apply("Reshape", {{"shape", images()}}, {apply("_arange", {{"start", 0.0}, {"stop", 2592.0}}, {})});
  check_same(
      apply("elemwise_add", {}, {x, apply("BatchNorm", {{"fix_gamma", false}}, {ramp, ones, zeros, zeros, ones})}),
      images());
}

TEST_CASE("tails: BatchNorm in the weights, groups, full layers, with and without bias and gamma") {
  for (bool fix_gamma : {false, true}) {
    const Symbol x = variable("data");
    check_same(relu(norm(plain_conv(x, 32, "c"), "bn", fix_gamma)), images());
    check_same(norm(conv(x, 32, 1, "c"), "bn", fix_gamma), images());
    const Symbol grouped =
        apply("Convolution", {{"kernel", Shape{3, 3}}, {"num_filter", 32}, {"num_group", 4}}, {x}, "g");
    check_same(norm(grouped, "bn", fix_gamma), images());
    check_same(norm(apply("FullyConnected", {{"num_hidden", 40}}, {x}, "fc"), "bn", fix_gamma), {64, 50});
    // The layer's own value is asked for too: nothing is folded.
    const Symbol c = conv(x, 32, 3, "c");
    check_same(Symbol::group({norm(c, "bn", fix_gamma), c}), images());
  }
}

TEST_CASE("tails: folded weights follow every parameter they are made of") {
  const Symbol net = relu(norm(conv(variable("data"), 32, 3, "c"), "bn"));
  const auto a = bound(net, images(), GradRequest::null, true), b = bound(net, images(), GradRequest::null, false);
  auto check = [&] {
    for (const auto& e : {a, b}) e->forward(false);
    CHECK(difference(a->outputs()[0], b->outputs()[0]) < 1e-4);
    return values(a->outputs()[0]);
  };
  std::vector<float> before = check();
  CHECK(check() == before);
  for (size_t i = 0; i < a->bound().arguments.size() + a->bound().states.size(); ++i) {
    for (const auto& e : {a, b}) {
      const size_t n = e->bound().arguments.size();
      const NDArray& p = i < n ? e->bound().arguments[i] : e->bound().states[i - n];
      std::vector<float> v = values(p);
      for (float& x : v) x = 1.5f * x + 0.125f;
      p.copy_from_host(v.data(), p.bytes());
    }
    const std::vector<float> after = check();
    CHECK(after != before);
    before = after;
  }
}

TEST_CASE("tails: a value that is no number stays one") {
  for (const char* act : {"relu", "sigmoid", "tanh"}) {
    const Symbol net = apply("Activation", {{"act_type", act}}, {conv(variable("data"), 16, 3, "c")});
    const auto e = bound(net, images(), GradRequest::null, true);
    std::vector<float> x = values(e->bound().arguments[0]);
    x[40] = std::numeric_limits<float>::quiet_NaN();
    e->bound().arguments[0].copy_from_host(x.data(), e->bound().arguments[0].bytes());
    e->forward(false);
    const std::vector<float> y = values(e->outputs()[0]);
    CHECK(std::isnan(y[40]));
    CHECK(std::none_of(y.begin(), y.end(), [](float v) { return v == 0 && std::signbit(v); }));
  }
}

TEST_CASE("tails: constants are made once and are right") {
  const Symbol zeros = apply("_zeros", {{"shape", Shape{0, 8}}}, {}, "z");
  const Symbol one = apply("_plus_scalar", {{"scalar", 1.0}}, {zeros}, "one");
  const Symbol net = apply("elemwise_add", {}, {variable("data"), apply("_mul_scalar", {{"scalar", 3.0}}, {one})});
  check_same(net, {5, 8});
  const auto e = bound(net, {5, 8}, GradRequest::null, true);
  CHECK(steps(*e) == 1);
  for (int round = 0; round < 2; ++round) {
    e->forward(false);
    const std::vector<float> x = values(e->bound().arguments[0]), y = values(e->outputs()[0]);
    for (size_t i = 0; i < x.size(); ++i) CHECK(y[i] == x[i] + 3.0f);
  }
}

}  // namespace mixnet

// Bound graphs with chains in strips: the results of the graphs without, in less memory.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "executor/executor.h"
#include "small_nets.h"

namespace mixnet {
namespace {

using namespace test;

struct Strips {
  explicit Strips(const char* setting) { setenv("MIXNET_STRIPS", setting, 1); }
  ~Strips() { unsetenv("MIXNET_STRIPS"); }
};

std::shared_ptr<Executor> bound(const Symbol& net, const Shape& data, const char* strips,
                                GradRequest request = GradRequest::null) {
  const Strips setting(strips);
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", data}};
  arguments.default_request = request;
  const auto e = simple_bind(net, {}, arguments);
  for (size_t i = 0; i < e->bound().arguments.size(); ++i)
    fill(e->bound().arguments[i], static_cast<uint32_t>(i), 0.5f);
  for (const NDArray& state : e->bound().states) {
    const std::vector<float> ones(static_cast<size_t>(state.size()), 1.0f);
    state.copy_from_host(ones.data(), state.bytes());
  }
  return e;
}

int count_strips(const Executor& e) {
  const std::string text = e.describe(), word = "strips of";
  int count = 0;
  for (size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += word.size()) ++count;
  return count;
}

Symbol relu(Symbol x) { return apply("Activation", {{"act_type", "relu"}}, {std::move(x)}); }
Symbol norm(Symbol x, const std::string& name) { return apply("BatchNorm", {{"eps", 1e-3}}, {std::move(x)}, name); }
Symbol pool(Symbol x, const char* type = "max", int64_t kernel = 2, int64_t pad = 0) {
  return apply(
      "Pooling",
      {{"kernel", Shape{kernel, kernel}}, {"stride", Shape{2, 2}}, {"pad", Shape{pad, pad}}, {"pool_type", type}},
      {std::move(x)});
}
// The form of VGG: large values first, small ones last.
Symbol vgg_like() {
  Symbol x = relu(conv(relu(conv(Symbol::variable("data"), 16, 3, "a")), 16, 3, "b"));
  x = relu(norm(conv(pool(x), 32, 3, "c"), "bn"));
  x = pool(relu(conv(pool(relu(conv(x, 32, 3, "d")), "avg", 3, 1), 32, 3, "e")));
  return apply("FullyConnected", {{"num_hidden", 10}}, {x}, "fc");
}

void check_same(const Executor& a, const Executor& b) {
  for (size_t i = 0; i < a.outputs().size(); ++i) CHECK(difference(a.outputs()[i], b.outputs()[i]) < 1e-5);
}

}  // namespace

TEST_CASE("strips: a net needs less memory than all layers' values at their largest") {
  for (const int64_t batch : {1, 3}) {
    const Shape data{batch, 3, 117, 91};
    const auto off = bound(vgg_like(), data, "0"), on = bound(vgg_like(), data, "1");
    CHECK(count_strips(*off) == 0);
    CHECK(count_strips(*on) >= 1);
    // Our own convolution takes a buffer for itself, which is as large in strips.
    CHECK(on->memory(false).planned < off->memory(false).lower_bound / (onednn_enabled() ? 2 : 1));
    for (int round = 0; round < 2; ++round) {
      off->forward(false);
      on->forward(false);
      check_same(*on, *off);
    }
  }
}

TEST_CASE("strips: as few as the bytes given ask for") {
  if (!onednn_enabled()) return;  // our own convolutions take most for themselves, which bytes of values do not say
  setenv("MIXNET_WINOGRAD", "0", 1);
  const Shape data{1, 3, 64, 64};
  const int64_t off = bound(vgg_like(), data, "0")->memory(false).planned,
                least = bound(vgg_like(), data, "1")->memory(false).planned;
  CHECK(count_strips(*bound(vgg_like(), data, std::to_string(off).c_str())) == 0);
  const int64_t between = (off + least) / 2;
  const auto some = bound(vgg_like(), data, std::to_string(between).c_str());
  CHECK(count_strips(*some) == 1);
  CHECK(some->memory(false).planned <= between);
  CHECK(some->memory(false).planned > least);
  CHECK_THROWS_AS(bound(vgg_like(), data, "-1"), Error);
  CHECK_THROWS_AS(bound(vgg_like(), data, "some"), Error);
  unsetenv("MIXNET_WINOGRAD");
}

TEST_CASE("strips: a value with two readers, or that is an output, stays whole") {
  const Shape data{1, 4, 32, 32};
  const Symbol x = Symbol::variable("data"), a = conv(x, 16, 3, "a");
  const Symbol twice = apply("elemwise_add", {}, {pool(a), pool(a, "avg")}), shown = Symbol::group({a, pool(a)});
  for (const Symbol& net : {twice, shown}) {
    const auto off = bound(net, data, "0"), on = bound(net, data, "1");
    CHECK(count_strips(*on) == 0);
    off->forward(false);
    on->forward(false);
    check_same(*on, *off);
  }
  // The same layers in a row are taken.
  CHECK(count_strips(*bound(pool(a), data, "1")) == 1);
  // And so are those after the value, whose own rows are whole.
  const Symbol below = pool(relu(conv(relu(a), 64, 3, "b")));
  const Symbol net = Symbol::group({apply("sum", {}, {a}), below});
  const auto off = bound(net, data, "0"), on = bound(net, data, "1");
  CHECK(count_strips(*on) == 1);
  off->forward(false);
  on->forward(false);
  check_same(*on, *off);
}

TEST_CASE("strips: parameters may change, the executor may be reshaped, training is as before") {
  const Shape data{2, 3, 40, 36};
  const auto off = bound(vgg_like(), data, "0", GradRequest::write),
             on = bound(vgg_like(), data, "1", GradRequest::write);
  for (int round = 0; round < 2; ++round) {
    for (const auto& e : {off, on}) {
      const Strips setting(e == on ? "1" : "0");
      e->forward(false);
    }
    check_same(*on, *off);
    for (const auto& e : {off, on}) {
      e->forward(true);
      e->backward({});
      for (size_t i = 0; i < e->bound().arguments.size(); ++i)
        fill(e->bound().arguments[i], static_cast<uint32_t>(i + 77), 0.4f);
    }
    for (size_t i = 0; i < on->bound().gradients.size(); ++i)
      CHECK(difference(on->bound().gradients[i], off->bound().gradients[i]) < 1e-4);
  }
}

TEST_CASE("strips: a monitor sees every layer") {
  const Shape data{1, 3, 32, 32};
  const auto on = bound(vgg_like(), data, "1");
  std::vector<std::string> seen;
  {
    const Strips setting("1");
    on->set_monitor([&](const std::string& name, const NDArray&) { seen.push_back(name); }, false);
    on->forward(false);
  }
  CHECK(std::find(seen.begin(), seen.end(), "b_output") != seen.end());
}

}  // namespace mixnet

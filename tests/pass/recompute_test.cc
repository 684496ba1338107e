// Values computed a second time in backward: the same bits, less memory, at the right moment, draws and effects once.
#include "pass/recompute.h"

#include <cstdlib>

#include "executor/executor.h"
#include "executor/invoke.h"
#include "pass/gradient.h"
#include "pass_bench.h"

namespace mixnet::test {
namespace {

// A net with its gradients as heads.
struct Net {
  PassBench bench;
  std::vector<Entry> heads;
  std::vector<Entry> weights;

  explicit Net(const Shape& shape) { x = bench.variable(shape); }
  Entry weight(const Shape& shape) {
    weights.push_back(bench.variable(shape));
    return weights.back();
  }
  // Without a bias and with weights for `filters` images of as many channels.
  void conv(int64_t filters) {
    x = make_node("Convolution", {x, weight({filters, filters, 3, 3})},
                  {{"kernel", Shape{3, 3}}, {"pad", Shape{1, 1}}, {"num_filter", filters}, {"no_bias", true}});
  }
  void norm(int64_t channels) {
    const Entry gamma = weight({channels}), beta = weight({channels});
    x = make_node("BatchNorm", {x, gamma, beta, bench.variable({channels}), bench.variable({channels})},
                  {{"fix_gamma", false}});
  }
  void apply(const char* op) { x = make_node(op, {x}); }
  Typed close(const Shape& shape) {
    heads = {x};
    for (size_t i = weights.size(); i-- > 0;) heads_wrt.push_back(weights[i]);
    for (const Entry& g : gradient(heads, {bench.variable(shape)}, heads_wrt)) heads.push_back(g);
    return bench.typed(heads, 1);
  }
  Entry x;
  std::vector<Entry> heads_wrt;
};

Net residual(int blocks) {
  Net net({2, 4, 6, 6});
  for (int i = 0; i < blocks; ++i) {
    const Entry in = net.x;
    for (int k = 0; k < 2; ++k) {
      net.conv(4);
      net.norm(4);
      if (k == 0) net.apply("relu");
    }
    net.x = make_node("relu", {make_node("elemwise_add", {net.x, in})});
  }
  return net;
}

int second_runs(const std::vector<Entry>& heads, const char* op = nullptr) {
  const std::vector<const Node*> all = operators(heads);
  return static_cast<int>(
      std::count_if(all.begin(), all.end(), [op](auto* n) { return n->recomputed && (!op || n->op->name == op); }));
}

struct Setting {
  explicit Setting(const char* value) { setenv("MIXNET_BACKWARD_DO_MIRROR", value, 1); }
  ~Setting() { unsetenv("MIXNET_BACKWARD_DO_MIRROR"); }
};

}  // namespace

TEST_CASE("recompute: the same bits for less memory, and convolutions run twice only when all may") {
  Net net = residual(6);
  const Typed typed = net.close({2, 4, 6, 6});
  const std::vector<Entry> cheap = recompute(typed, Recompute::cheap, true),
                           any = recompute(typed, Recompute::any, true);
  CHECK(second_runs(net.heads) == 0);
  CHECK(second_runs(cheap) > 6);
  CHECK(second_runs(cheap, "Convolution") == 0);
  CHECK(second_runs(any, "Convolution") > 0);
  const int64_t off = peak_bytes(typed), some = peak_bytes(retype(cheap, typed)), most = peak_bytes(retype(any, typed));
  CHECK(some * 4 < off * 3);
  CHECK(most < some);
  net.bench.check_same(net.heads, cheap);
  net.bench.check_same(net.heads, any);
}

TEST_CASE("recompute: a second run comes right before its first reader") {
  Net net = residual(6);
  const std::vector<Entry> heads = recompute(net.close({2, 4, 6, 6}), Recompute::any, true);
  const Graph graph(heads);
  int seen = 0;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node* node = graph.node(id).get();
    if (!node->recomputed) continue;
    int reader = id + 1;
    const auto reads = [&](int other) {
      const auto& inputs = graph.node(other)->inputs;
      return std::any_of(inputs.begin(), inputs.end(), [node](const Entry& e) { return e.node.get() == node; });
    };
    // Between the two stands only what the reader needs from second runs as well.
    while (!reads(reader)) CHECK(graph.node(reader++)->recomputed);
    ++seen;
  }
  CHECK(seen > 6);
}

TEST_CASE("recompute: memory grows with the square root of the depth") {
  const auto peak = [](int depth, bool on) {
    Net net({64, 32});
    net.x = make_node("broadcast_mul", {net.x, net.weight({1, 32})});
    for (int i = 0; i < depth; ++i) net.apply("softmax");
    const Typed typed = net.close({64, 32});
    return peak_bytes(on ? retype(recompute(typed, Recompute::any, true), typed) : typed);
  };
  const int64_t shallow = peak(25, true), deep = peak(400, true);
  CHECK(peak(400, false) > 12 * peak(25, false));
  CHECK(deep < 5 * shallow);
  CHECK(deep * 8 < peak(400, false));
}

TEST_CASE("recompute: only nodes that force_mirroring names, where nothing else is asked") {
  Net net = residual(2);
  CHECK(recompute(net.close({2, 4, 6, 6}), Recompute::forced, true) == net.heads);
  Net marked = residual(2);
  marked.apply("sigmoid");
  marked.x.node->attributes["__force_mirroring__"] = "true";
  marked.conv(4);
  marked.x.node->attributes["force_mirroring"] = "True";
  marked.apply("tanh");
  marked.apply("square");
  const std::vector<Entry> heads = recompute(marked.close({2, 4, 6, 6}), Recompute::forced, true);
  CHECK(second_runs(heads) == 1);
  CHECK(second_runs(heads, "sigmoid") == 1);
  marked.bench.check_same(marked.heads, heads);
}

TEST_CASE("recompute: readers of states that change, and graphs without backward, stay") {
  PassBench bench;
  const Entry x = bench.variable({4, 3}), w = bench.variable({3}), mean = bench.variable({3}),
              variance = bench.variable({3}), dy = bench.variable({4, 3});
  const Entry reads = make_node("exp", {mean});
  const Entry y = make_node("BatchNorm", {make_node("broadcast_mul", {x, reads}), w, w, mean, variance});
  std::vector<Entry> heads{y};
  for (const Entry& g : gradient(heads, {dy}, {x, w})) heads.push_back(g);
  const std::vector<Entry> again = recompute(bench.typed(heads, 1), Recompute::any, true);
  CHECK(second_runs(again, "exp") == 0);
  bench.check_same(heads, again);
  const std::vector<Entry> forward{make_node("square", {make_node("softmax", {x})})};
  CHECK(recompute(bench.typed(forward), Recompute::any, true) == forward);
}

TEST_CASE("recompute: a bound net takes the same draws, moves states once and plans what it says") {
  Symbol net = Symbol::variable("data");
  const auto apply = [](const char* op, const std::vector<Symbol>& inputs, const Attributes& params, int number) {
    std::vector<std::pair<std::string, Symbol>> named;
    for (const Symbol& s : inputs) named.emplace_back("", s);
    return Symbol::create(registry().at(op), params, {}, named, op + std::to_string(number));
  };
  for (int i = 0; i < 24; ++i) {
    net = apply("FullyConnected", {net}, {{"num_hidden", 64}}, i);
    net = apply("BatchNorm", {net}, {{"fix_gamma", false}}, i);
    net = apply("Dropout", {apply("Activation", {net}, {{"act_type", "tanh"}}, i)}, {{"p", 0.3}}, i);
  }
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", {32, 64}}};
  std::vector<std::vector<float>> results[3];
  int64_t planned[3] = {};
  for (int mode : {0, 1, 2}) {
    const Setting setting(mode == 0 ? "0" : mode == 1 ? "1" : "sqrt");
    seed_random(17);
    const auto e = simple_bind(net, {}, arguments);
    uint64_t seed = 0;
    for (const NDArray& a : e->bound().arguments) {
      const std::vector<double> start = random_tensor(a.shape(), DType::f32, -0.3, 0.3, ++seed).values();
      const std::vector<float> values(start.begin(), start.end());
      a.copy_from_host(values.data(), a.bytes());
    }
    for (int step = 0; step < 2; ++step) {
      e->forward(true);
      e->backward({});
    }
    for (const auto& list : {e->outputs(), e->bound().gradients, e->bound().states}) {
      for (const NDArray& a : list) {
        results[mode].emplace_back(static_cast<size_t>(a.size()));
        a.copy_to_host(results[mode].back().data(), a.bytes());
      }
    }
    planned[mode] = e->memory(true).planned;
    CHECK(estimate_memory(net, arguments, true).planned == planned[mode]);
  }
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
  CHECK(planned[1] < planned[0]);
  CHECK(planned[2] < planned[1]);
}

TEST_CASE("recompute: a setting that is neither 0, 1 nor sqrt is an error that names it") {
  const Setting setting("maybe");
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", {2, 3}}};
  const Symbol net = Symbol::create(registry().at("relu"), {}, {}, {{"data", Symbol::variable("data")}}, "r");
  CHECK_THROWS_WITH_AS(simple_bind(net, {}, arguments), doctest::Contains("MIXNET_BACKWARD_DO_MIRROR"), Error);
}

}  // namespace mixnet::test

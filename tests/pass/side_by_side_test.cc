// Orders for several devices: inputs before consumers, forward before the rest, devices that do not wait for each other.
#include "pass/side_by_side.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "pass_bench.h"

using namespace mixnet;
using namespace mixnet::test;

namespace {

// A graph whose nodes all cost the same, on the devices given by name: 'a' to 'd' behind the last underscore.
struct Bench {
  std::vector<Entry> heads;
  int num_forward_heads = 0;

  static Entry node(char device, std::vector<Entry> inputs) {
    const char* op = inputs.size() == 1 ? "relu" : "elemwise_add";
    Entry e = make_node(op, std::move(inputs));
    e.node->name += std::string("_") + device;
    return e;
  }
  static int space(const Node& node) { return node.is_variable() ? 0 : node.name.back() - 'a'; }

  Graph ordered() const {
    const Graph graph(heads);
    std::vector<int> spaces;
    for (int id = 0; id < graph.num_nodes(); ++id) spaces.push_back(space(*graph.node(id)));
    const std::vector<int64_t> costs(spaces.size(), 10);
    const std::vector<int> order = side_by_side({graph, spaces, costs, num_forward_heads});
    std::vector<int> sorted = order;
    std::sort(sorted.begin(), sorted.end());
    for (int id = 0; id < graph.num_nodes(); ++id) REQUIRE(sorted[static_cast<size_t>(id)] == id);
    return graph.reordered(order);
  }
};

void check_order(const Graph& graph) {
  for (int id = 0; id < graph.num_nodes(); ++id) {
    for (const Entry& e : graph.node(id)->inputs) CHECK(graph.id(e.node.get()) < id);
    for (int i = 0; i < graph.num_outputs(id); ++i) CHECK(graph.entry({graph.node(id), i}) == graph.entry(id, i));
  }
}

std::string devices(const Graph& graph) {
  std::string text;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    if (!graph.node(id)->is_variable()) text += graph.node(id)->name.back();
  }
  return text;
}

uint32_t next(uint32_t& seed) { return (seed = seed * 1664525u + 1013904223u) >> 8; }

}  // namespace

TEST_CASE("random graphs keep what each node needs before it, and forward before backward") {
  for (uint32_t round = 0; round < 200; ++round) {
    uint32_t seed = round;
    Bench bench;
    std::vector<Entry> values{{make_variable("x"), 0}, {make_variable("y"), 0}};
    for (uint32_t i = 0, count = 4 + next(seed) % 40; i < count; ++i) {
      std::vector<Entry> inputs{values[next(seed) % values.size()]};
      if (next(seed) % 2) inputs.push_back(values[next(seed) % values.size()]);
      values.push_back(Bench::node(static_cast<char>('a' + next(seed) % 3), inputs));
    }
    bench.num_forward_heads = 1;
    bench.heads = {values[values.size() / 2], values[values.size() - 1], values[values.size() - 2]};
    const Graph graph = bench.ordered();
    check_order(graph);
    const Graph forward({bench.heads[0]});
    bool behind = false;
    for (int id = 0; id < graph.num_nodes(); ++id) {
      const bool is_forward = forward.contains(graph.node(id).get());
      CHECK(!(behind && is_forward));
      behind = behind || !is_forward;
    }
  }
}

TEST_CASE("branches on two devices are two pieces") {
  Entry x{make_variable("x"), 0}, a = x, b = x;
  for (int i = 0; i < 4; ++i) {
    a = Bench::node('a', {a});
    b = Bench::node('b', {b});
  }
  Bench bench{{Bench::node('a', {a, Bench::node('a', {b})})}, 1};
  CHECK(devices(bench.ordered()) == "bbbbaaaaaa");
}

TEST_CASE("what another device waits for comes first") {
  // Device a makes four values in turn and has something else to do with each; b works on them as they come.
  Entry x{make_variable("x"), 0};
  std::vector<Entry> rest, there;
  for (int i = 0; i < 4; ++i) {
    x = Bench::node('a', {x});
    rest.push_back(Bench::node('a', {Bench::node('a', {x})}));
    there.push_back(Bench::node('b', {Bench::node('b', {Bench::node('b', {x})})}));
  }
  Bench bench{rest, 4};
  bench.heads.insert(bench.heads.end(), there.begin(), there.end());
  bench.num_forward_heads = 8;
  const Graph graph = bench.ordered();
  check_order(graph);
  const std::string text = devices(graph);
  CHECK(text.find('b') <= 2);
  CHECK(std::count(text.begin(), text.end(), 'a') == 12);
  CHECK(text.rfind('a') > text.find("bbb", 6));
}

TEST_CASE("nodes that touch a state keep their order") {
  const Entry x{make_variable("x"), 0}, state{make_variable("m"), 0};
  // The second reads what the first has changed, although its other input is there at once.
  Entry slow = x;
  for (int i = 0; i < 5; ++i) slow = Bench::node('a', {slow});
  const Entry changed = make_node("sgd_mom_update", {x, slow, state}, {{"lr", 0.1}});
  changed.node->name += "_a";
  Bench bench{{changed, Bench::node('a', {state}), Bench::node('b', {x})}, 3};
  const Graph graph = bench.ordered();
  check_order(graph);
  CHECK(graph.id(changed.node.get()) < graph.id(bench.heads[1].node.get()));
}

TEST_CASE("a graph with values computed twice keeps its order") {
  Entry x{make_variable("x"), 0}, a = Bench::node('a', {x}), b = Bench::node('b', {a});
  a.node->recomputed = true;
  Bench bench{{Bench::node('a', {b, a})}, 1};
  const Graph plain(bench.heads), graph = bench.ordered();
  for (int id = 0; id < graph.num_nodes(); ++id) CHECK(graph.node(id) == plain.node(id));
}

// The placement pass: where nodes go, how many copies, what it refuses.
#include "pass/placement.h"

#include <doctest/doctest.h>

#include "pass_bench.h"

using namespace mixnet;
using namespace mixnet::test;

namespace {

const DeviceId zero{}, one{DeviceKind::cpu, 1}, two{DeviceKind::cpu, 2};

Entry grouped(const char* group, Entry e) {
  e.node->attributes["__ctx_group__"] = group;
  return e;
}

Placement placed(const std::vector<Entry>& heads, const DeviceOf& arrays = {}) {
  return Placement(Symbol(heads).placed({{"a", one}, {"b", two}}), zero, arrays);
}

}  // namespace

TEST_CASE("a value is copied once for each other device") {
  PassBench bench;
  const Entry x = bench.variable({4}), y = grouped("a", make_node("relu", {x}));
  std::vector<Entry> heads;
  for (const char* group : {"b", "b", "a"}) heads.push_back(grouped(group, make_node("sin", {y})));
  heads.push_back(make_node("elemwise_mul", {y, heads[0]}));  // with its first input
  const Placement placement = placed(heads);
  CHECK(placement.of(*heads[3].node) == one);
  const std::vector<Entry> copied = placement.insert_copies(heads, {two, two, one, one});
  CHECK(count_operators(copied, "_CrossDeviceCopy") == 3);  // x to one, y to two, heads[0] to one
  bench.check_same(heads, copied);
  DeviceOf variables{{x.node.get(), zero}};
  const Graph graph(copied);
  const std::vector<DeviceId> devices = devices_of(graph, variables);
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    if (node.is_variable() || node.op->name == "_CrossDeviceCopy") continue;
    for (const Entry& e : node.inputs)
      CHECK(devices[static_cast<size_t>(graph.id(e.node.get()))] == devices[static_cast<size_t>(id)]);
  }
}

TEST_CASE("a head whose array is elsewhere is copied there") {
  PassBench bench;
  const Entry y = grouped("a", make_node("relu", {bench.variable({4})}));
  const std::vector<Entry> copied = placed({y}).insert_copies({y}, {two});
  CHECK(copied[0].node->op->name == "_CrossDeviceCopy");
  CHECK(copied[0].node->device == two);
  CHECK(copied[0].node->name == y.node->name + "_0_copy");
  bench.check_same({y}, copied);
}

TEST_CASE("inputs of which only the shape is used are not copied") {
  PassBench bench;
  const Entry x = bench.variable({2, 6}), like = grouped("b", make_node("relu", {bench.variable({3, 4})}));
  const Entry y = grouped("a", make_node("reshape_like", {grouped("a", make_node("relu", {x})), like}));
  const std::vector<Entry> copied = placed({y}).insert_copies({y}, {one});
  CHECK(count_operators(copied, "_CrossDeviceCopy") == 2);  // the two variables
  bench.check_same({y}, copied);
}

TEST_CASE("nodes without inputs stay where they are put through the passes") {
  const Entry zeros = grouped("b", make_node("_zeros", {}, {{"shape", Shape{2}}}));
  const std::vector<Entry> copied = placed({zeros}).insert_copies({zeros}, {two});
  CHECK(copied[0].node->device == two);
  CHECK(devices_of(Graph(copied), {})[0] == two);
  CHECK(copied[0].node->origin == zeros.node);
  CHECK(zeros.node->device == zero);  // the user's node is as it was
}

TEST_CASE("what a node changes must be on its device") {
  PassBench bench;
  const Entry w = bench.variable({3}), g = bench.variable({3}), m = bench.variable({3});
  const Entry y = grouped("b", make_node("sgd_mom_update", {w, g, m}, {{"lr", 0.1}}));
  CHECK(placed({y}).home(*m.node) == two);
  const DeviceOf arrays{{w.node.get(), zero}, {g.node.get(), zero}, {m.node.get(), one}};
  CHECK_THROWS_WITH_AS(placed({y}, arrays).insert_copies({y}, {two}),
                       ("[bind] " + m.node->name + ": expected an array on cpu(2), got cpu(1)").c_str(), Error);
}

TEST_CASE("a group without a device") {
  const Entry y = grouped("c", make_node("_zeros", {}, {{"shape", Shape{2}}}));
  const std::string message = "[bind] group2ctx: no context for group 'c' of _zeros " + y.node->name;
  CHECK_THROWS_WITH_AS(placed({y}), message.c_str(), Error);
  CHECK(Placement(Symbol({y}), two).trivial());
}

// The switches of the memory planner: no reuse at all, in place only, sharing only, both.
#include "pass/plan_memory.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.h"
#include "op/core/registry.h"
#include "symbol/symbol.h"

namespace mixnet {
namespace {

constexpr int64_t value = 640;

Symbol apply(const char* op, Symbol input) {
  return Symbol::create(registry().at(op), {}, {}, {{"", std::move(input)}}, "");
}

// relu after relu: each may take over its input, and every other value is dead when the next but one is made.
Symbol chain(int length, const char* op) {
  Symbol x = Symbol::variable("data");
  for (int i = 0; i < length; ++i) x = apply(op, x);
  return x;
}

MemoryPlan planned(const Graph& graph, bool reuse, bool inplace, int64_t workspace = 0) {
  MemoryPlanInput input;
  input.graph = &graph;
  input.reuse = reuse;
  input.inplace = inplace;
  input.bytes.assign(static_cast<size_t>(graph.num_entries()), value);
  input.external.assign(static_cast<size_t>(graph.num_entries()), false);
  for (int id = 0; id < graph.num_nodes(); ++id) {
    if (graph.node(id)->is_variable()) input.external[static_cast<size_t>(graph.entry(id, 0))] = true;
  }
  input.workspace.assign(static_cast<size_t>(graph.num_nodes()), workspace);
  MemoryPlan plan = plan_memory(input);
  verify_memory_plan(input, plan);
  return plan;
}

}  // namespace

TEST_CASE("plan_memory: in place and sharing can be had one by one") {
  const Symbol net = chain(6, "relu");
  const Graph graph(net.outputs());
  CHECK(planned(graph, false, false).arena_bytes == 6 * value);
  CHECK(planned(graph, false, true).arena_bytes == value);
  CHECK(planned(graph, true, false).arena_bytes == 2 * value);
  CHECK(planned(graph, true, true).arena_bytes == value);
}

TEST_CASE("plan_memory: a view is in place") {
  const Symbol net = chain(3, "Flatten");
  const Graph graph(net.outputs());
  const auto views = [](const MemoryPlan& plan) { return std::count(plan.elided.begin(), plan.elided.end(), true); };
  CHECK(views(planned(graph, true, false)) == 0);
  CHECK(views(planned(graph, false, true)) == 3);
}

TEST_CASE("plan_memory: parts are made in the whole, and a wrong place is noticed") {
  auto node = [](const char* op, const Attributes& attributes, std::vector<Entry> inputs) {
    const OpSchema& schema = registry().at(op);
    return PlainNodeBuilder().make(schema, schema.make_params(attributes), std::move(inputs), op)[0];
  };
  const Entry x{make_variable("x"), 0}, a = node("sin", {}, {x}), b = node("relu", {}, {node("cos", {}, {x})}),
                                        inner = node("Concat", {{"num_args", 2}}, {a, b}), c = node("tan", {}, {x}),
                                        whole = node("Concat", {{"num_args", 2}}, {inner, c}),
                                        end = node("softmax", {}, {whole});
  const Graph graph({end});
  MemoryPlanInput input;
  input.graph = &graph;
  input.bytes.assign(static_cast<size_t>(graph.num_entries()), value);
  input.bytes[static_cast<size_t>(graph.entry(inner))] = 2 * value;
  input.bytes[static_cast<size_t>(graph.entry(whole))] = 3 * value;
  input.external.assign(static_cast<size_t>(graph.num_entries()), false);
  input.external[static_cast<size_t>(graph.entry(x))] = input.external[static_cast<size_t>(graph.entry(end))] = true;
  input.workspace.assign(static_cast<size_t>(graph.num_nodes()), 0);
  input.pieces.resize(static_cast<size_t>(graph.num_nodes()));
  input.early = input.external;
  for (const Entry& e : {inner, whole}) {
    const int64_t second = e.node == inner.node ? value : 2 * value;
    input.pieces[static_cast<size_t>(graph.id(e.node.get()))] = {Pieces::join, {0, second}, 0};
  }
  MemoryPlan plan = plan_memory(input);
  verify_memory_plan(input, plan);
  auto at = [&](const Entry& e) { return plan.offset[static_cast<size_t>(graph.entry(e))]; };
  CHECK(plan.arena_bytes == 3 * value);
  CHECK(at(a) == at(whole));
  CHECK(at(b) == at(whole) + value);
  CHECK(at(c) == at(whole) + 2 * value);
  CHECK(at({b.node->inputs[0].node, 0}) == at(b));
  CHECK(plan.elided[static_cast<size_t>(graph.id(inner.node.get()))]);
  CHECK(plan.elided[static_cast<size_t>(graph.id(whole.node.get()))]);

  plan.offset[static_cast<size_t>(graph.entry(c))] = at(a);
  CHECK_THROWS_AS(verify_memory_plan(input, plan), Error);
  input.inplace = false;
  CHECK(plan_memory(input).arena_bytes >= 5 * value);
}

TEST_CASE("plan_memory: what may run side by side shares nothing, unless that takes much") {
  const Symbol x = apply("tanh", Symbol::variable("data")), first = apply("tanh", x), second = apply("tanh", x);
  const Symbol ends[] = {apply("tanh", first), apply("tanh", second)};
  const Symbol net =
      apply("tanh", Symbol::create(registry().at("elemwise_add"), {}, {}, {{"", ends[0]}, {"", ends[1]}}, ""));
  const Graph graph(net.outputs());
  const auto planned_for = [&](int64_t bytes, bool side_by_side) {
    MemoryPlanInput input;
    input.graph = &graph;
    input.side_by_side = side_by_side;
    input.inplace = false;
    input.bytes.assign(static_cast<size_t>(graph.num_entries()), bytes);
    input.external.assign(static_cast<size_t>(graph.num_entries()), false);
    input.external[0] = true;
    input.workspace.assign(static_cast<size_t>(graph.num_nodes()), 0);
    MemoryPlan plan = plan_memory(input);
    verify_memory_plan(input, plan);
    return plan;
  };
  const auto at = [&](const MemoryPlan& plan, const Symbol& value) {
    return plan.offset[static_cast<size_t>(graph.entry(value.outputs()[0]))];
  };
  const MemoryPlan tight = planned_for(value, false), roomy = planned_for(value, true);
  CHECK(tight.arena_bytes == 3 * value);
  CHECK(at(tight, second) == at(tight, first));
  CHECK(roomy.arena_bytes > tight.arena_bytes);
  for (const Symbol& a : {first, ends[0]}) {
    for (const Symbol& b : {second, ends[1]}) CHECK(at(roomy, a) != at(roomy, b));
  }
  constexpr int64_t large = 64 << 20;
  CHECK(planned_for(large, true).arena_bytes == planned_for(large, false).arena_bytes);
}

TEST_CASE("plan_memory: workspaces are shared, not taken over") {
  const Symbol net = chain(4, "relu");
  const Graph graph(net.outputs());
  CHECK(planned(graph, false, true, value).arena_bytes == 5 * value);
  CHECK(planned(graph, true, true, value).arena_bytes == 2 * value);
}

}  // namespace mixnet

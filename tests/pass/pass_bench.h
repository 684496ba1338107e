// Small graphs with values for the tests of passes: nodes, variables, inference, and the same values before and after.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "evaluate.h"
#include "pass/infer.h"
#include "pass/typed.h"

namespace mixnet::test {

inline Entry make_node(const char* op, std::vector<Entry> inputs, const Attributes& params = {}) {
  static int count = 0;
  const OpSchema& schema = registry().at(op);
  return PlainNodeBuilder().make(schema, schema.make_params(params), std::move(inputs),
                                 std::string(op) + std::to_string(count++))[0];
}

inline std::vector<const Node*> operators(const std::vector<Entry>& heads) {
  const Graph graph(heads);
  std::vector<const Node*> nodes;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    if (!graph.node(id)->is_variable()) nodes.push_back(graph.node(id).get());
  }
  return nodes;
}

inline int count_operators(const std::vector<Entry>& heads) { return static_cast<int>(operators(heads).size()); }
inline int count_operators(const std::vector<Entry>& heads, const char* name) {
  const std::vector<const Node*> all = operators(heads);
  return static_cast<int>(std::count_if(all.begin(), all.end(), [&](auto* n) { return n->op->name == name; }));
}

struct PassBench {
  std::vector<NodePtr> variables;
  std::map<const Node*, Tensor> values;

  Entry variable(const Shape& shape, DType dtype = DType::f32) {
    variables.push_back(make_variable("x" + std::to_string(variables.size())));
    values.emplace(variables.back().get(), random_tensor(shape, dtype, -1, 1, variables.size()));
    return {variables.back(), 0};
  }

  Typed typed(const std::vector<Entry>& heads, int num_forward_heads) const {
    Typed t{Graph(heads), {}, {}, num_forward_heads};
    t.shapes.assign(static_cast<size_t>(t.graph.num_entries()), Shape::unknown());
    t.types.assign(t.shapes.size(), DType::unknown);
    for (const NodePtr& v : variables) {
      if (!t.graph.contains(v.get())) continue;
      const size_t entry = static_cast<size_t>(t.graph.entry({v, 0}));
      t.shapes[entry] = values.at(v.get()).shape();
      t.types[entry] = values.at(v.get()).dtype();
    }
    t.shapes = infer_shapes(t.graph, t.shapes);
    t.types = infer_types(t.graph, t.types);
    return t;
  }
  Typed typed(const std::vector<Entry>& heads) const { return typed(heads, static_cast<int>(heads.size())); }

  // The same bits, in heads and in states; or within `tolerance` of the larger number and 1.
  void check_same(const std::vector<Entry>& heads, const std::vector<Entry>& others, double tolerance = 0) const {
    const Graph a(heads), b(others);
    std::map<const Node*, Tensor> states = values, other_states = values;
    std::vector<Tensor> x = evaluate(a, states), y = evaluate(b, other_states);
    auto same = [tolerance](Tensor p, Tensor q) {
      if (p.shape() != q.shape() || p.dtype() != q.dtype()) return false;
      const size_t bytes = static_cast<size_t>(p.size() * dtype_size(p.dtype()));
      if (tolerance == 0) return std::memcmp(p.view().data, q.view().data, bytes) == 0;
      bool close = true;
      for (int64_t i = 0; i < p.size(); ++i)
        close = close && std::fabs(p.get(i) - q.get(i)) <= tolerance * std::max(1.0, std::fabs(p.get(i)));
      return close;
    };
    REQUIRE(heads.size() == others.size());
    for (size_t i = 0; i < heads.size(); ++i)
      CHECK(same(x[static_cast<size_t>(a.entry(heads[i]))], y[static_cast<size_t>(b.entry(others[i]))]));
    for (const auto& [node, value] : states) CHECK(same(value, other_states.at(node)));
  }
};

}  // namespace mixnet::test

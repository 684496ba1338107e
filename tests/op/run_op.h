// One operator on given values: for tests of exact semantics.
#pragma once
#include <string>
#include <vector>

#include "evaluate.h"
#include "symbol/graph.h"

namespace mixnet::test {

inline Tensor tensor(const Shape& shape, const std::vector<double>& values, DType dtype = DType::f32) {
  Tensor t(shape, dtype);
  MIXNET_CHECK(static_cast<int64_t>(values.size()) == t.size(), internal, "[tensor] ", shape, " needs ", t.size(),
               " values");
  for (int64_t i = 0; i < t.size(); ++i) t.set(i, values[static_cast<size_t>(i)]);
  return t;
}
// 0, 1, 2, ...
inline Tensor counting(const Shape& shape, DType dtype = DType::f32) {
  Tensor t(shape, dtype);
  for (int64_t i = 0; i < t.size(); ++i) t.set(i, static_cast<double>(i));
  return t;
}

// The visible outputs.
inline std::vector<Tensor> run_op(const char* name, const std::vector<Tensor>& inputs,
                                  const Attributes& attributes = {}) {
  const OpSchema& op = registry().at(name);
  const ParamsPtr params = op.make_params(attributes);
  std::map<const Node*, Tensor> values;
  std::vector<NodePtr> variables;
  std::vector<Entry> entries;
  for (size_t i = 0; i < inputs.size(); ++i) {
    variables.push_back(make_variable("in" + std::to_string(i)));
    values.emplace(variables.back().get(), inputs[i]);
    entries.push_back({variables.back(), 0});
  }
  PlainNodeBuilder builder;
  std::vector<Entry> outputs = builder.make(op, params, entries, "tested");
  outputs.resize(static_cast<size_t>(op.num_visible(params.get())));
  const Graph graph(outputs);
  const std::vector<Tensor> all = evaluate(graph, values);
  std::vector<Tensor> results;
  for (const Entry& e : outputs) results.push_back(all[static_cast<size_t>(graph.entry(e))]);
  return results;
}

}  // namespace mixnet::test

// One node of an operator on fresh variables, with values, from a sample of the registry.
#pragma once
#include <algorithm>
#include <cmath>
#include <string>

#include "evaluate.h"

namespace mixnet::test {

// The dtypes of an operator on whole numbers, without gradient, which does not leave them open; unknown for all others.
inline std::vector<DType> own_types(const OpSchema& op, const void* params, size_t num_inputs) {
  InferType c(op, params, "sample");
  c.in.assign(num_inputs, DType::unknown);
  c.out.assign(static_cast<size_t>(op.num_outputs(params)), DType::unknown);
  op.infer_type(c);
  const bool whole = std::any_of(c.in.begin(), c.in.end(),
                                 [](DType t) { return t == DType::i8 || t == DType::u8 || t == DType::i32; });
  return whole && op.zero_gradient ? c.in : std::vector<DType>(num_inputs, DType::unknown);
}

struct SampleNode {
  std::vector<NodePtr> variables;
  std::map<const Node*, Tensor> values;
  std::vector<Entry> outputs;

  SampleNode(const OpSchema& op, const Sample& sample, DType dtype) {
    Attributes attributes = sample.attributes;
    const bool counted = op.variadic.empty() || std::any_of(attributes.begin(), attributes.end(),
                                                            [&](const auto& a) { return a.first == op.variadic; });
    if (!counted) attributes.emplace_back(op.variadic, op.variadic_count(sample.inputs.size()));
    const ParamsPtr params = op.make_params(attributes);
    const std::vector<std::string> names = op.input_names(params.get());
    MIXNET_CHECK(names.size() == sample.inputs.size(), internal, op.name, ": the sample must have one shape per input");
    const std::vector<DType> types = own_types(op, params.get(), names.size());
    std::vector<Entry> inputs;
    for (size_t i = 0; i < sample.inputs.size(); ++i) {
      const bool whole =
          std::count(sample.integer_inputs.begin(), sample.integer_inputs.end(), static_cast<int>(i)) > 0;
      variables.push_back(make_variable(names[i]));
      Tensor t = random_tensor(sample.inputs[i], types[i] == DType::unknown ? dtype : types[i], whole ? 0 : sample.low,
                               whole ? static_cast<double>(sample.integer_limit) : sample.high, 1 + i);
      for (int64_t k = 0; whole && k < t.size(); ++k) t.set(k, std::floor(t.get(k)));
      values.emplace(variables.back().get(), std::move(t));
      inputs.push_back({variables.back(), 0});
    }
    PlainNodeBuilder builder;
    outputs = builder.make(op, params, inputs, "sample");
  }
};

inline std::string label(const OpSchema& op, const Sample& sample) {
  std::string s = op.name + "(";
  for (const Shape& shape : sample.inputs) s += shape.str() + " ";
  for (const auto& [key, value] : sample.attributes) s += key + "=" + value.str() + " ";
  return s + ")";
}

inline bool selected(const OpSchema& op) {
  const char* only = std::getenv("MIXNET_TEST_OP");
  return !only || op.name == only;
}

}  // namespace mixnet::test

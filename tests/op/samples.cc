// Prints the samples of every public operator as JSON: what tools/agreement gives to other implementations.
//
// [{"name", "aliases", "random", "loss", "outputs", "samples": [{"inputs": [{"name", "shape", "low", "high", "whole", "state"}],
//   "parameters": {name: text}, "training", "differentiable"}]}]. Inputs are uniform in [low, high); whole ones are rounded down.
#include <algorithm>
#include <cstdio>

#include "base/json.h"
#include "op/core/registry.h"

namespace mixnet {
namespace {

bool contains(const std::vector<int>& list, size_t i) {
  return std::find(list.begin(), list.end(), static_cast<int>(i)) != list.end();
}

Json input_json(const OpSchema& op, const Sample& sample, const std::string& name, size_t i) {
  const bool whole = contains(sample.integer_inputs, i);
  Json shape = Json::array(), j = Json::object();
  for (int64_t extent : sample.inputs[i]) shape.push_back(extent);
  j.set("name", name);
  j.set("shape", shape);
  j.set("low", whole ? 0.0 : sample.low);
  j.set("high", whole ? static_cast<double>(sample.integer_limit) : sample.high);
  j.set("whole", whole);
  j.set("state", contains(op.auxiliary, i) || op.mutates_input(static_cast<int>(i)));
  return j;
}

Json sample_json(const OpSchema& op, const Sample& sample) {
  Attributes attributes = sample.attributes;
  const bool counted = op.variadic.empty() || std::any_of(attributes.begin(), attributes.end(),
                                                          [&](const auto& a) { return a.first == op.variadic; });
  if (!counted) attributes.emplace_back(op.variadic, op.variadic_count(sample.inputs.size()));
  const ParamsPtr params = op.make_params(attributes);
  const std::vector<std::string> names = op.input_names(params.get());
  Json inputs = Json::array(), parameters = Json::object(), j = Json::object();
  for (size_t i = 0; i < sample.inputs.size(); ++i) inputs.push_back(input_json(op, sample, names.at(i), i));
  for (const auto& [key, value] : attributes) parameters.set(key, value.str());
  j.set("inputs", inputs);
  j.set("parameters", parameters);
  j.set("outputs", op.num_visible(params.get()));
  j.set("training", sample.training);
  j.set("differentiable", sample.differentiable);
  return j;
}

Json operator_json(const OpSchema& op) {
  Json aliases = Json::array(), samples = Json::array(), j = Json::object();
  for (const std::string& alias : op.aliases) aliases.push_back(alias);
  for (const Sample& sample : op.samples) samples.push_back(sample_json(op, sample));
  j.set("name", op.name);
  j.set("aliases", aliases);
  j.set("variadic", op.variadic);
  j.set("random", op.random);
  j.set("loss", op.head);
  j.set("gradient", static_cast<bool>(op.gradient) || op.zero_gradient);
  j.set("samples", samples);
  return j;
}

}  // namespace
}  // namespace mixnet

int main() {
  using namespace mixnet;
  Json list = Json::array();
  for (const OpSchema* op : registry().all()) {
    if (!op->hidden) list.push_back(operator_json(*op));
  }
  std::puts(list.dump(true).c_str());
  return 0;
}

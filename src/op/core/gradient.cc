#include "op/core/gradient.h"

#include <cassert>

#include "op/core/registry.h"

namespace mixnet {

SubgraphGradient NodeBuilder::differentiate(const SubgraphGradientRequest&) {
  fail(Code::unsupported, "[gradient] subgraphs are differentiated in graphs only");
}
void NodeBuilder::replace(const Entry&, const Entry&) {}

GradientContext::GradientContext(NodeBuilder& builder, const OpSchema& op, ParamsPtr params, std::string name,
                                 Span<const Entry> inputs, Span<const Entry> outputs, Span<const Entry> output_grads,
                                 const std::vector<bool>& wanted)
    : builder_(builder),
      op_(op),
      params_(std::move(params)),
      name_(std::move(name)),
      inputs_(inputs),
      outputs_(outputs),
      output_grads_(output_grads),
      wanted_(wanted),
      grads_(inputs.size()) {}

Entry GradientContext::output_grad(int i) {
  if (has_output_grad(i)) return output_grads_[static_cast<size_t>(i)];
  return make("zeros_like", {output(i)});
}

std::vector<Entry> GradientContext::make_all(const char* op, std::vector<Entry> inputs, const Attributes& attributes) {
  const OpSchema& schema = registry().at(op);
  const std::string name = name_ + "_backward" + (made_ == 0 ? "" : std::to_string(made_));
  ++made_;
  return builder_.make(schema, schema.make_params(attributes, name), std::move(inputs), name);
}

Entry GradientContext::make(const char* op, std::vector<Entry> inputs, const Attributes& attributes) {
  return make_all(op, std::move(inputs), attributes)[0];
}

std::vector<Entry> GradientContext::make_extended(ParamsPtr params) {
  std::vector<Entry> made =
      builder_.make(op_, std::move(params), std::vector<Entry>(inputs_.begin(), inputs_.end()), name_);
  builder_.replace(outputs_[0], made[0]);
  return made;
}

std::vector<Entry> GradientContext::make_with(const char* op, ParamsPtr params, std::vector<Entry> inputs) {
  const std::string name = name_ + "_backward" + (made_ == 0 ? "" : std::to_string(made_));
  ++made_;
  return builder_.make(registry().at(op), std::move(params), std::move(inputs), name);
}

std::vector<Entry> GradientContext::make_backward(const char* op, std::vector<Entry> inputs) {
  const OpSchema& schema = registry().at(op);
  MIXNET_CHECK(schema.params_type == op_.params_type, internal, "[", op_.name, "] and ", op,
               " must have one parameter struct");
  const std::string name = name_ + "_backward" + (made_ == 0 ? "" : std::to_string(made_));
  ++made_;
  return builder_.make(schema, params_, std::move(inputs), name);
}

}  // namespace mixnet

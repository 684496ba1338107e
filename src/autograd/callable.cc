#include "autograd/callable.h"

#include <algorithm>

#include "autograd/record.h"
#include "autograd/thread_state.h"

namespace mixnet::autograd {
namespace {

Callable& call_behind(const void* params) { return *static_cast<Callable*>(const_cast<void*>(params)); }

std::vector<std::string> numbered(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

const OpSchema& backward_op() {
  static const OpSchema& op = *[] {
    auto* s = new OpSchema;
    s->name = "_backward_call";
    s->hidden = true;
    s->input_names = [](const void* p) { return numbered(call_behind(p).num_outputs()); };
    s->output_names = [](const void* p) { return numbered(call_behind(p).num_inputs()); };
    s->visible_outputs = [](const void* p) { return call_behind(p).num_inputs(); };
    s->no_gradient = "it was computed by a function";
    return s;
  }();
  return op;
}

void gradient(GradientContext& g) {
  const Callable& call = g.params<Callable>();
  std::vector<Entry> grads;
  for (int i = 0; i < call.num_outputs(); ++i) grads.push_back(g.output_grad(i));
  const ParamsPtr params(call.shared_from_this(), &call);
  PlainNodeBuilder builder;
  const std::vector<Entry> results = builder.make(backward_op(), params, std::move(grads), "");
  for (int i = 0; i < call.num_inputs(); ++i) {
    if (g.wants(i)) g.set(i, results[static_cast<size_t>(i)]);
  }
}

const OpSchema& forward_op() {
  static const OpSchema& op = *[] {
    auto* s = new OpSchema;
    s->name = "_call";
    s->hidden = true;
    s->input_names = [](const void* p) { return numbered(call_behind(p).num_inputs()); };
    s->output_names = [](const void* p) { return numbered(call_behind(p).num_outputs()); };
    s->visible_outputs = [](const void* p) { return call_behind(p).num_outputs(); };
    s->gradient = gradient;
    return s;
  }();
  return op;
}

}  // namespace

bool is_call(const Node& node) { return node.op == &forward_op(); }
bool is_call_backward(const Node& node) { return node.op == &backward_op(); }
Callable& call_of(const Node& node) { return call_behind(node.params.get()); }

std::shared_ptr<TapeNode> record_call(std::shared_ptr<Callable> call, Span<const Taped* const> inputs,
                                      Span<const NDArray> outputs) {
  const bool tracked = std::any_of(inputs.begin(), inputs.end(), [](const Taped* t) { return t->tracked(); });
  if (!tracked) return nullptr;
  const ParamsPtr params(call, call.get());
  return record(forward_op(), params, inputs, outputs, thread_state().training);
}

}  // namespace mixnet::autograd

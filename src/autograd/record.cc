#include "autograd/record.h"

#include <algorithm>
#include <unordered_map>

#include "autograd/thread_state.h"
#include "autograd/trace.h"
#include "base/contains.h"

namespace mixnet::autograd {
namespace {

// What the rule of an operation reads, a bit per input and output.
struct Needs {
  std::vector<bool> inputs, outputs;
};

// Runs the rule on placeholders and looks at what the nodes that it makes read.
Needs find_needs(const OpSchema& op, const ParamsPtr& params, size_t num_inputs, size_t num_outputs,
                 const std::vector<bool>& wanted) {
  Needs needs{std::vector<bool>(num_inputs), std::vector<bool>(num_outputs)};
  if (op.zero_gradient || !op.gradient) return needs;
  auto node = std::make_shared<Node>();
  node->op = &op;
  node->params = params;
  for (size_t i = 0; i < num_inputs; ++i) node->inputs.push_back({std::make_shared<Node>(), 0});
  std::vector<Entry> outputs, grads;
  const int visible = op.num_visible(params.get());
  for (size_t i = 0; i < num_outputs; ++i) {
    outputs.push_back({node, static_cast<int>(i)});
    grads.push_back(static_cast<int>(i) < visible ? Entry{std::make_shared<Node>(), 0} : Entry());
  }
  PlainNodeBuilder builder;
  GradientContext context(builder, op, params, "", node->inputs, outputs, grads, wanted);
  try {
    op.gradient(context);
  } catch (const Error&) {
    return needs;  // backward will say so
  }
  auto read = [&](const Entry& e) {
    if (e.node == node) {
      needs.outputs[static_cast<size_t>(e.index)] = true;
      return;
    }
    for (size_t i = 0; i < num_inputs; ++i) {
      if (node->inputs[i] == e) needs.inputs[i] = true;
    }
  };
  std::vector<Entry> heads;
  for (const Entry& e : context.result()) {
    if (!e) continue;
    read(e);
    heads.push_back(e);
  }
  const Graph graph(heads);
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& n = *graph.node(id);
    for (size_t i = 0; &n != node.get() && i < n.inputs.size(); ++i) {
      if (!contains(n.op->shape_only, static_cast<int>(i))) read(n.inputs[i]);
    }
  }
  return needs;
}

// Rules of operators without parameters say the same every time.
const Needs& needs_of(const OpSchema& op, const ParamsPtr& params, size_t num_inputs, size_t num_outputs,
                      const std::vector<bool>& wanted, Needs& fresh) {
  static thread_local std::unordered_map<uint64_t, Needs> known;
  if (params != op.default_params || num_inputs > 24) {
    fresh = find_needs(op, params, num_inputs, num_outputs, wanted);
    return fresh;
  }
  uint64_t key = static_cast<uint64_t>(op.id) << 32 | num_inputs << 24;
  for (size_t i = 0; i < num_inputs; ++i) key |= uint64_t{wanted[i]} << i;
  const auto it = known.find(key);
  if (it != known.end()) return it->second;
  return known.emplace(key, find_needs(op, params, num_inputs, num_outputs, wanted)).first->second;
}

bool any_tracked(Span<Taped* const> inputs) {
  return std::any_of(inputs.begin(), inputs.end(), [](const Taped* t) { return t->tracked(); });
}

[[noreturn]] void refuse(const std::string& place, const char* what) {
  fail(Code::unsupported, "[", place, "] ", what);
}

constexpr const char* on_tape =
    "cannot write to an array of a recorded graph (+=, x[:] =, out=): do it after backward or outside of "
    "autograd.record()";
constexpr const char* into_part =
    "cannot write recorded values into a part of an array: make a new array (concat, stack, where) instead";
constexpr const char* in_place = "cannot record an operation that writes into its own input (+=, x[...] =, out=)";
constexpr const char* traced =
    "cannot write to an array from outside while tracing: it would not be written again at replay";

void check_target(const std::string& place, const Taped& to, bool tracked) {
  if (to.tracked()) refuse(place, on_tape);
  if (tracked && to.part) refuse(place, into_part);
}

void check_writes(const OpSchema& op, Span<Taped* const> inputs, Span<Taped* const> given, bool tracked) {
  for (const Taped* to : given) {
    check_target(op.name, *to, tracked);
    for (const Taped* from : inputs) {
      if (tracked && to->array.overlaps(from->array)) refuse(op.name, in_place);
    }
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (op.mutates_input(static_cast<int>(i)) && inputs[i]->tracked()) refuse(op.name, on_tape);
  }
}

}  // namespace

std::shared_ptr<TapeNode> record(const OpSchema& op, const ParamsPtr& params, Span<const Taped* const> inputs,
                                 Span<const NDArray> outputs, bool training) {
  auto node = std::make_shared<TapeNode>();
  node->op = &op;
  node->params = params;
  node->training = training;
  node->tracked = true;
  std::vector<bool> wanted;
  for (const Taped* t : inputs) {
    wanted.push_back(t->tracked());
    if (wanted.back()) node->inputs.push_back(t->entry());
    else node->inputs.push_back({make_constant(t->array), 0});
  }
  Needs fresh;
  const Needs& needs = needs_of(op, params, inputs.size(), outputs.size(), wanted, fresh);
  node->kept_inputs.resize(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (needs.inputs[i]) node->kept_inputs[i] = inputs[i]->array;
  }
  node->kept_outputs.resize(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    node->outlines.push_back(outline_of(outputs[i]));
    if (needs.outputs[i]) node->kept_outputs[i] = outputs[i];
  }
  return node;
}

void invoke(const OpSchema& op, const ParamsPtr& params, Span<Taped* const> inputs, Span<Taped* const> given,
            std::vector<Taped>& fresh, const InvokeOptions& options) {
  if (Trace* trace = thread_state().trace) return trace->invoke(op, params, inputs, given, fresh, options);
  const bool tracked = any_tracked(inputs);
  check_writes(op, inputs, given, tracked);
  std::vector<NDArray> in, out;
  for (const Taped* t : inputs) in.push_back(t->array);
  if (!tracked) {
    for (const Taped* t : given) out.push_back(t->array);
    mixnet::invoke(op, params, in, out, options);
    for (Taped* t : given) t->put({});
    for (size_t i = 0; given.empty() && i < out.size(); ++i) fresh.emplace_back(out[i]);
    return;
  }
  mixnet::invoke(op, params, in, out, options);
  const auto node = record(op, params, Span<const Taped* const>(inputs.data(), inputs.size()), out, options.training);
  for (size_t i = 0; i < given.size(); ++i) {
    mixnet::copy(out[i], given[i]->array);
    given[i]->put({node, static_cast<int>(i)});
  }
  for (size_t i = 0; given.empty() && i < out.size(); ++i) fresh.emplace_back(out[i], Entry{node, static_cast<int>(i)});
}

void view(Taped& from, Taped& result, const char* name, const Attributes& attributes) {
  result.part = true;
  const OpSchema& op = registry().at(name);
  if (Trace* trace = thread_state().trace) return trace->view(op, op.make_params(attributes), from, result);
  if (!from.tracked()) return;
  const Taped* inputs[] = {&from};
  const bool training = thread_state().training;
  result.put({record(op, op.make_params(attributes), inputs, Span<const NDArray>(&result.array, 1), training), 0});
}

void copy(Taped& from, Taped& to) {
  if (Trace* trace = thread_state().trace) return trace->copy(from, to);
  check_target("ndarray_copy", to, from.tracked());
  mixnet::copy(from.array, to.array);
  if (!from.tracked()) return to.put({});
  static const OpSchema& op = registry().at("_copy");
  const Taped* inputs[] = {&from};
  to.put({record(op, op.make_params({}), inputs, Span<const NDArray>(&to.array, 1), thread_state().training), 0});
}

void check_write(const Taped& to, const char* place) {
  const ThreadState& state = thread_state();
  if (state.recording && to.tracked()) refuse(place, on_tape);
  if (state.trace && !to.blank) refuse(place, traced);
  if (!state.trace) check_read(to, place);
}

void check_read(const Taped& from, const char* place) {
  if (thread_state().trace) {
    refuse(place,
           "values are not known while a function is traced: asnumpy, float() and printing belong outside of it");
  }
  const TapeNode* node = from.node();
  if (node && node->trace) refuse(place, "the array comes from a traced function and has no value: return it instead");
}

}  // namespace mixnet::autograd

#include "autograd/record.h"

#include <algorithm>
#include <unordered_map>

#include "autograd/thread_state.h"
#include "autograd/trace.h"
#include "base/contains.h"
#include "op/core/custom.h"

namespace mixnet::autograd {
namespace {

// What the rule of an operation reads, a bit per input and output.
struct Needs {
  std::vector<bool> inputs, outputs;
};

// Nodes that only are somebody, by number.
const NodePtr& placeholder(size_t i) {
  static thread_local std::vector<NodePtr> nodes;
  while (nodes.size() <= i) nodes.push_back(std::make_shared<Node>());
  return nodes[i];
}

// Runs the rule on placeholders and looks at what the nodes that it makes read.
class Probe {
 public:
  Probe(const OpSchema& op, const ParamsPtr& params, size_t num_inputs, size_t num_outputs)
      : op_(op), params_(params), needs_{std::vector<bool>(num_inputs), std::vector<bool>(num_outputs)} {
    const size_t visible = static_cast<size_t>(op.num_visible(params.get()));
    for (size_t i = 0; i < num_inputs; ++i) inputs_.push_back({placeholder(i), 0});
    for (size_t i = 0; i < num_outputs; ++i) {
      outputs_.push_back({placeholder(num_inputs), static_cast<int>(i)});
      grads_.push_back(i < visible ? Entry{placeholder(num_inputs + 1), static_cast<int>(i)} : Entry());
    }
  }

  Needs run(const std::vector<bool>& wanted) {
    if (op_.zero_gradient || !op_.gradient) return needs_;
    PlainNodeBuilder builder;
    GradientContext context(builder, op_, params_, "", inputs_, outputs_, grads_, wanted);
    try {
      op_.gradient(context);
    } catch (const Error&) {
      return needs_;  // backward will say so
    }
    for (const Entry& e : context.result()) {
      if (e) read(e);
    }
    for (size_t i = 0; i < made_.size(); ++i) {
      const Node& n = *made_[i];
      for (size_t k = 0; k < n.inputs.size(); ++k) visit(n.inputs[k], contains(n.op->shape_only, static_cast<int>(k)));
    }
    return std::move(needs_);
  }

 private:
  void read(const Entry& e) { visit(e, false); }
  void visit(const Entry& e, bool outline) {
    if (!e.node->is_variable()) {
      if (!contains(made_, static_cast<const Node*>(e.node.get()))) made_.push_back(e.node.get());
      return;
    }
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i] == e && !outline) needs_.inputs[i] = true;
    }
    for (size_t i = 0; i < outputs_.size(); ++i) {
      if (outputs_[i] == e && !outline) needs_.outputs[i] = true;
    }
  }

  const OpSchema& op_;
  const ParamsPtr& params_;
  Needs needs_;
  std::vector<Entry> inputs_, outputs_, grads_;
  std::vector<const Node*> made_;
};

// Whether the rule says the same for all values of the parameters.
bool says_the_same(const OpSchema& op, const ParamsPtr& params) {
  return params == op.default_params || (op.pointwise && !op.fields.empty() && op.fields[0].name == "scalar");
}

const Needs& needs_of(const OpSchema& op, const ParamsPtr& params, size_t num_inputs, size_t num_outputs,
                      const std::vector<bool>& wanted, Needs& fresh) {
  static thread_local std::unordered_map<uint64_t, Needs> known;
  if (op.id < 0 || num_inputs > 24 || !says_the_same(op, params)) {
    fresh = Probe(op, params, num_inputs, num_outputs).run(wanted);
    return fresh;
  }
  uint64_t key = static_cast<uint64_t>(op.id) << 32 | num_inputs << 24;
  for (size_t i = 0; i < num_inputs; ++i) key |= uint64_t{wanted[i]} << i;
  const auto it = known.find(key);
  if (it != known.end()) return it->second;
  return known.emplace(key, Probe(op, params, num_inputs, num_outputs).run(wanted)).first->second;
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

void check_writes(const OpSchema& op, const void* params, Span<Taped* const> inputs, Span<Taped* const> given,
                  bool tracked) {
  for (const Taped* to : given) {
    check_target(op.name, *to, tracked);
    for (const Taped* from : inputs) {
      if (tracked && to->array.overlaps(from->array)) refuse(op.name, in_place);
    }
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (mutates_input(op, params, static_cast<int>(i)) && inputs[i]->tracked()) refuse(op.name, on_tape);
  }
}

// Fresh arrays for all outputs if as many as are visible are given; their number, shapes and dtypes are checked where the operator runs.
std::vector<NDArray> stand_ins(const OpSchema& op, const ParamsPtr& params, Span<Taped* const> given,
                               const NDArray& input) {
  std::vector<NDArray> arrays;
  for (const Taped* t : given) {
    if (t->array.dense()) arrays.emplace_back(t->array.shape(), t->array.dtype(), input.device());
    else arrays.push_back(empty_like(t->array));
  }
  const size_t visible = static_cast<size_t>(op.num_visible(params.get()));
  if (!given.empty() && given.size() == visible) arrays.resize(static_cast<size_t>(op.num_outputs(params.get())));
  return arrays;
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
  check_writes(op, params.get(), inputs, given, tracked);
  std::vector<NDArray> in, out;
  for (const Taped* t : inputs) in.push_back(t->array);
  if (!tracked) {
    for (const Taped* t : given) out.push_back(t->array);
    mixnet::invoke(op, params, in, out, options);
    for (Taped* t : given) t->put({});
    for (size_t i = 0; given.empty() && i < out.size(); ++i) fresh.emplace_back(out[i]);
    return;
  }
  out = stand_ins(op, params, given, in[0]);
  mixnet::invoke(op, params, in, out, options);
  const auto node = record(op, params, Span<const Taped* const>(inputs.data(), inputs.size()), out, options.training);
  for (size_t i = 0; i < given.size(); ++i) {
    mixnet::convert(out[i], given[i]->array);
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
  mixnet::convert(from.array, to.array);
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

#include "autograd/trace.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <unordered_map>

#include "autograd/callable.h"
#include "autograd/thread_state.h"
#include "op/core/custom.h"

namespace mixnet::autograd {
namespace {

constexpr const char* no_writes =
    "cannot write to an array while tracing (+=, x[...] =, out=, changing states): return a new array instead";

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  while (!text.empty() && text[0] == '_') text.erase(0, 1);
  return text;
}

std::atomic<uint64_t> num_traces{0};

}  // namespace

Trace::Trace(Span<Taped* const> inputs) : number_(++num_traces) {
  MIXNET_CHECK(!thread_state().trace, invalid, "[trace_begin] expected no trace on this thread, there is one");
  for (const Taped* given : inputs) {
    const NDArray& a = given->array;
    const NDArray blank(a.shape(), a.dtype(), a.device());
    inputs_.emplace_back(blank, Entry{variable("data" + std::to_string(inputs_.size()), blank), 0});
  }
  thread_state().trace = this;
}

Trace::~Trace() {
  if (thread_state().trace == this) thread_state().trace = nullptr;
}

std::vector<Taped> Trace::inputs() { return inputs_; }

std::shared_ptr<TapeNode> Trace::variable(const std::string& name, const NDArray& array) {
  auto node = make_constant(array);
  node->name = name;
  node->trace = number_;
  return node;
}

Entry Trace::entry_of(Taped& t) {
  const TapeNode* node = t.node();
  if (node && node->trace == number_) return t.entry();
  for (size_t i = 0; i < captured_.size(); ++i) {
    // By handle: another one to the same memory may be cut off from gradients.
    if (t.place && captured_[i].place == t.place) return {captured_nodes_[i], 0};
  }
  check_escaped(t);
  captured_nodes_.push_back(variable("param" + std::to_string(captured_.size()), t.array));
  captured_.push_back(t.share());
  return {captured_nodes_.back(), 0};
}

std::shared_ptr<TapeNode> Trace::add(const OpSchema& op, const ParamsPtr& params, Span<Taped* const> inputs,
                                     const std::vector<NDArray>& outputs) {
  auto node = std::make_shared<TapeNode>();
  node->op = &op;
  node->params = params;
  node->trace = number_;
  node->name = lower(op.name) + std::to_string(made_++);
  for (Taped* t : inputs) node->inputs.push_back(entry_of(*t));
  for (const NDArray& a : outputs) node->outlines.push_back(outline_of(a));
  return node;
}

void Trace::invoke(const OpSchema& op, const ParamsPtr& params, Span<Taped* const> inputs, Span<Taped* const> given,
                   std::vector<Taped>& fresh, const InvokeOptions& options) {
  for (const Taped* to : given) MIXNET_CHECK(to->blank, unsupported, "[", op.name, "] ", no_writes);
  for (size_t i = 0; i < inputs.size(); ++i)
    MIXNET_CHECK(!mutates_input(op, params.get(), static_cast<int>(i)), unsupported, "[", op.name, "] ", no_writes);
  std::vector<NDArray> in;
  for (const Taped* t : inputs) in.push_back(t->array);
  std::vector<NDArray> like;
  for (const Taped* t : given) like.emplace_back(t->array.shape(), t->array.dtype(), t->array.device());
  const std::vector<NDArray> out = infer_outputs(op, params, in, options.device, like);
  const auto node = add(op, params, inputs, out);
  for (size_t i = 0; i < given.size(); ++i) {
    given[i]->array = out[i];
    given[i]->blank = false;
    given[i]->put({node, static_cast<int>(i)});
  }
  for (size_t i = 0; given.empty() && i < out.size(); ++i) fresh.emplace_back(out[i], Entry{node, static_cast<int>(i)});
}

void Trace::view(const OpSchema& op, const ParamsPtr& params, Taped& from, Taped& result) {
  // A view of an array that is still to be written has no value that could be put down.
  MIXNET_CHECK(!from.blank, unsupported, "[", op.name, "] ", no_writes);
  Taped* inputs[] = {&from};
  result.put({add(op, params, inputs, {result.array}), 0});
}

void Trace::copy(Taped& from, Taped& to) {
  MIXNET_CHECK(to.blank, unsupported, "[ndarray_copy] ", no_writes);
  MIXNET_CHECK(from.array.shape() == to.array.shape(), shape, "[copy] expected ", to.array.shape(), ", got ",
               from.array.shape());
  static const OpSchema& op = registry().at("_copy");
  Taped* inputs[] = {&from};
  to.array = NDArray(to.array.shape(), to.array.dtype(), to.array.device());
  to.put({add(op, op.make_params({}), inputs, {to.array}), 0});
  to.blank = false;
}

Symbol Trace::end(Span<Taped* const> outputs) {
  std::vector<Entry> heads;
  for (Taped* t : outputs) heads.push_back(entry_of(*t));
  thread_state().trace = nullptr;
  MIXNET_CHECK(!heads.empty(), invalid, "[trace_end] outputs: expected at least one array");
  // Plain nodes: the symbol outlives the tape.
  return Symbol(heads).copy();
}

Symbol recorded_symbol(Span<Taped* const> arrays) {
  std::vector<Entry> heads;
  for (const Taped* t : arrays) {
    MIXNET_CHECK(t->entry(), invalid, "[get_symbol] expected an array computed while recording");
    heads.push_back(t->entry());
  }
  MIXNET_CHECK(!heads.empty(), invalid, "[get_symbol] expected at least one array");
  const Graph graph(heads);
  std::unordered_map<const Node*, NodePtr> copies;
  int variables = 0, operations = 0;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const NodePtr& node = graph.node(id);
    MIXNET_CHECK(!is_call(*node), unsupported,
                 "[get_symbol] a function with a gradient by hand, or a replayed one, has no symbol");
    auto copy = std::make_shared<Node>(*node);
    copy->name = copy->is_variable() ? "var" + std::to_string(variables++)
                                     : lower(copy->op->name) + std::to_string(operations++);
    for (Entry& e : copy->inputs) e.node = copies.at(e.node.get());
    copies[node.get()] = copy;
  }
  for (Entry& e : heads) e.node = copies.at(e.node.get());
  return Symbol(heads);
}

void detach(Taped& array) {
  Trace* trace = thread_state().trace;
  if (!trace) return array.put({});
  static const OpSchema& op = registry().at("BlockGrad");
  Taped result(array.array);
  trace->view(op, op.make_params({}), array, result);
  array = result;
}

void check_escaped(const Taped& t) {
  const TapeNode* node = t.node();
  MIXNET_CHECK(!node || !node->trace, unsupported,
               "[trace] an array comes from another traced function and has no value: return it from there");
}

}  // namespace mixnet::autograd

#include "autograd/backward.h"

#include <set>

#include "autograd/callable.h"
#include "autograd/evaluate.h"
#include "autograd/record.h"
#include "autograd/thread_state.h"
#include "executor/invoke.h"
#include "pass/gradient.h"

namespace mixnet::autograd {
namespace {

// The thread's flags while a backward runs.
class StateScope {
 public:
  StateScope(bool recording, bool training) : before_(thread_state()) {
    thread_state().recording = recording;
    thread_state().training = training;
  }
  ~StateScope() { thread_state() = before_; }
  StateScope(const StateScope&) = delete;

 private:
  ThreadState before_;
};

NDArray ones_like(const NDArray& like) {
  static const OpSchema& op = registry().at("ones_like");
  std::vector<NDArray> out;
  invoke(op, op.make_params({}), Span<const NDArray>(&like, 1), out);
  return out[0];
}

NDArray zeros_into(const NDArray& array) {
  if (!array.dense()) {
    copy(empty_like(array), array);
    return array;
  }
  static const OpSchema& op = registry().at("zeros_like");
  std::vector<NDArray> out{array};
  invoke(op, op.make_params({}), Span<const NDArray>(&array, 1), out);
  return array;
}

class Differentiation {
 public:
  Differentiation(Span<Taped* const> heads, const std::vector<Taped>& head_grads, const char* place)
      : place_(place), heads_(check_heads(heads)), tape_(heads_) {
    MIXNET_CHECK(!heads.empty(), invalid, "[", place_, "] heads: expected at least one array");
    MIXNET_CHECK(head_grads.empty() || head_grads.size() == heads.size(), invalid, "[", place_,
                 "] head_grads: expected ", heads.size(), " arrays, got ", head_grads.size());
    for (int id = 0; id < tape_.num_nodes(); ++id) {
      MIXNET_CHECK(!node(id).spent, invalid, "[", place_,
                   "] a part of the recorded graph was given up by an earlier backward: use retain_graph=True there");
    }
    for (size_t i = 0; i < heads.size(); ++i) seed(*heads[i], head_grads.empty() ? Taped() : head_grads[i], i);
  }

  const TapeNode& node(int id) const { return static_cast<const TapeNode&>(*tape_.node(id)); }
  const Graph& tape() const { return tape_; }

  // One per `wrt`, none() where the gradient is zero. Memory may be that of other arrays until they are made one's own.
  std::vector<Taped> run(const std::vector<Entry>& wrt, const std::vector<NDArray>& targets,
                         const BackwardOptions& options) {
    grads_ = gradient(heads_, seeds_, wrt, [this](const Node& forward, const Node& made) {
      graph_.training[&made] = static_cast<const TapeNode&>(forward).training;
    });
    std::set<std::pair<const Node*, int>> placed;
    for (size_t i = 0; i < grads_.size(); ++i) {
      if (!grads_[i]) continue;
      graph_.heads.push_back(grads_[i]);
      const bool first = placed.insert({grads_[i].node.get(), grads_[i].index}).second;
      if (first && i < targets.size() && !targets[i].none()) graph_.targets.emplace_back(grads_[i], targets[i]);
    }
    const StateScope scope(options.create_graph, options.training);
    std::vector<Taped> values;
    if (!graph_.heads.empty()) values = evaluate(graph_, tape_, options.create_graph, !options.retain_graph);
    if (!options.retain_graph) release();
    std::vector<Taped> results(grads_.size());
    size_t next = 0;
    for (size_t i = 0; i < grads_.size(); ++i) {
      if (grads_[i]) results[i] = values[next++];
    }
    return results;
  }

  // Copies what may be the memory of another result, a head gradient, a value on the tape or an array of a function written by hand.
  void make_own(std::vector<Taped>& results, const BackwardOptions& options) const {
    const StateScope scope(options.create_graph, options.training);
    std::set<std::pair<const Node*, int>> seen;
    for (size_t i = 0; i < results.size(); ++i) {
      const NDArray a = results[i].array;
      if (a.none()) continue;
      const bool first = seen.insert({grads_[i].node.get(), grads_[i].index}).second;
      if (first && is_fresh(*grads_[i].node)) continue;
      Taped own(empty_like(a));
      if (options.create_graph) autograd::copy(results[i], own);
      else mixnet::copy(a, own.array);
      results[i] = own;
    }
  }

 private:
  // Whether the outputs of a node of the gradient are arrays that nobody else has.
  bool is_fresh(const Node& n) const {
    if (n.is_variable() || tape_.contains(&n)) return false;
    return !is_call_backward(n) || call_of(n).makes_fresh();
  }

  std::vector<Entry> check_heads(Span<Taped* const> heads) const {
    std::vector<Entry> entries;
    for (size_t i = 0; i < heads.size(); ++i) {
      const TapeNode* n = heads[i]->node();
      MIXNET_CHECK(
          n && !n->trace, invalid, "[", place_, "] head ", i,
          " was not computed from a variable while recording: expected attach_grad() on what it depends on and "
          "the computation inside autograd.record()");
      entries.push_back(heads[i]->entry());
    }
    return entries;
  }

  void seed(const Taped& head, const Taped& grad, size_t i) {
    const Node& n = *heads_[i].node;
    if (!n.is_variable() && n.op->head) {
      seeds_.emplace_back();
      return;
    }
    Taped value = grad;
    if (value.array.none()) value.array = ones_like(head.array);
    MIXNET_CHECK(value.array.shape() == head.array.shape(), shape, "[", place_, "] head gradient ", i, ": expected ",
                 head.array.shape(), ", got ", value.array.shape());
    MIXNET_CHECK(value.array.dtype() == head.array.dtype(), type, "[", place_, "] head gradient ", i, ": expected ",
                 head.array.dtype(), ", got ", value.array.dtype());
    const Entry variable{make_variable("head_grad"), 0};
    graph_.given.emplace_back(variable, value);
    seeds_.push_back(variable);
  }

  void release() {
    for (int id = 0; id < tape_.num_nodes(); ++id) {
      auto& n = static_cast<TapeNode&>(*tape_.node(id));
      if (n.is_variable()) continue;
      n.spent = true;
      n.kept_inputs.clear();
      n.kept_outputs.clear();
      if (is_call(n)) call_of(n).release();
    }
  }

  const char* place_;
  std::vector<Entry> heads_, seeds_, grads_;
  Graph tape_;
  GradientGraph graph_;
};

void store(const NDArray& value, const NDArray& target, GradRequest request) {
  if (request == GradRequest::write) {
    if (value.none()) zeros_into(target);
    else if (!value.same_memory(target)) convert(value, target);
    return;
  }
  if (value.none()) return;
  static const OpSchema& op = registry().at("elemwise_add");
  const NDArray inputs[] = {target, value};
  std::vector<NDArray> out{target};
  invoke(op, op.make_params({}), inputs, out);
}

}  // namespace

void mark(Taped& array, const NDArray& gradient, GradRequest request) {
  MIXNET_CHECK(!array.array.none(), invalid, "[mark_variables] expected an array with values");
  if (request != GradRequest::null) {
    MIXNET_CHECK(gradient.shape() == array.array.shape(), shape, "[mark_variables] gradient: expected ",
                 array.array.shape(), ", got ", gradient.shape());
    MIXNET_CHECK(gradient.dtype() == array.array.dtype(), type, "[mark_variables] gradient: expected ",
                 array.array.dtype(), ", got ", gradient.dtype());
  }
  auto node = make_constant(array.array);
  node->marked = true;
  node->tracked = request != GradRequest::null;
  node->gradient = gradient;
  node->request = request;
  array.put({node, 0});
}

void backward(Span<Taped* const> heads, const std::vector<Taped>& head_grads, const BackwardOptions& options) {
  Differentiation differentiation(heads, head_grads, "backward");
  std::vector<Entry> variables;
  std::vector<NDArray> targets;
  const Graph& tape = differentiation.tape();
  for (int id = 0; id < tape.num_nodes(); ++id) {
    const TapeNode& n = differentiation.node(id);
    if (!n.marked || n.request == GradRequest::null) continue;
    variables.push_back({tape.node(id), 0});
    targets.push_back(n.request == GradRequest::write ? n.gradient : NDArray());
  }
  MIXNET_CHECK(!variables.empty(), invalid, "[backward] nothing that the heads depend on has a gradient attached");
  const std::vector<Taped> results = differentiation.run(variables, targets, options);
  for (size_t i = 0; i < results.size(); ++i) {
    const auto& n = static_cast<const TapeNode&>(*variables[i].node);
    store(results[i].array, n.gradient, n.request);
  }
}

std::vector<Taped> grad(Span<Taped* const> heads, const std::vector<Taped>& head_grads, Span<Taped* const> variables,
                        const BackwardOptions& given) {
  BackwardOptions options = given;
  options.retain_graph = options.retain_graph || options.create_graph;
  Differentiation differentiation(heads, head_grads, "grad");
  std::vector<Entry> wrt;
  for (size_t i = 0; i < variables.size(); ++i) {
    const Entry e = variables[i]->entry();
    MIXNET_CHECK(e && variables[i]->node()->tracked, invalid, "[grad] variable ", i,
                 " has no place on the tape: expected attach_grad() before it was used");
    MIXNET_CHECK(differentiation.tape().contains(e.node.get()), invalid, "[grad] variable ", i,
                 " is not behind the heads");
    wrt.push_back(e);
  }
  std::vector<Taped> results = differentiation.run(wrt, {}, options);
  differentiation.make_own(results, options);
  for (size_t i = 0; i < results.size(); ++i) {
    const NDArray& like = variables[i]->array;
    if (results[i].array.none()) results[i] = Taped(zeros_into(NDArray(like.shape(), like.dtype(), like.device())));
  }
  return results;
}

}  // namespace mixnet::autograd

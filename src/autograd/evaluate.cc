#include "autograd/evaluate.h"

#include <unordered_set>

#include "autograd/callable.h"
#include "autograd/record.h"
#include "base/contains.h"

namespace mixnet::autograd {
namespace {

class Evaluator {
 public:
  Evaluator(const GradientGraph& gradients, const Graph& tape, bool record)
      : gradients_(gradients),
        tape_(tape),
        graph_(gradients.heads),
        record_(record),
        values_(static_cast<size_t>(graph_.num_entries())),
        readers_(values_.size(), 0) {
    for (const auto& [entry, value] : gradients.given) {
      if (graph_.contains(entry.node.get())) at(entry) = value;
    }
    take_kept();
    count_readers();
    place_targets();
  }

  std::vector<Taped> run(bool release) {
    if (release) give_up();
    for (int id = 0; id < graph_.num_nodes(); ++id) {
      const Node& node = *graph_.node(id);
      if (node.is_variable() || tape_.contains(&node)) continue;
      if (is_call_backward(node)) run_call(id);
      else run_operator(id);
      for (const Entry& e : node.inputs) drop(e);
    }
    std::vector<Taped> results;
    for (const Entry& head : gradients_.heads) results.push_back(at(head));
    return results;
  }

 private:
  Taped& at(const Entry& e) { return values_[static_cast<size_t>(graph_.entry(e))]; }

  void take_kept() {
    auto take = [this](const Entry& e, const NDArray& value) {
      if (value.none() || !graph_.contains(e.node.get())) return;
      Taped& t = at(e);
      if (!t.array.none()) return;
      t = record_ && static_cast<const TapeNode*>(e.node.get())->tracked ? Taped(value, e) : Taped(value);
    };
    for (int id = 0; id < tape_.num_nodes(); ++id) {
      const auto node = std::static_pointer_cast<TapeNode>(tape_.node(id));
      for (size_t i = 0; i < node->kept_inputs.size(); ++i) take(node->inputs[i], node->kept_inputs[i]);
      for (size_t i = 0; i < node->kept_outputs.size(); ++i) take({node, static_cast<int>(i)}, node->kept_outputs[i]);
    }
  }

  void count_readers() {
    for (const Entry& e : gradients_.heads) ++readers_[static_cast<size_t>(graph_.entry(e))];
    for (int id = 0; id < graph_.num_nodes(); ++id) {
      const Node& node = *graph_.node(id);
      if (tape_.contains(&node)) continue;
      for (const Entry& e : node.inputs) ++readers_[static_cast<size_t>(graph_.entry(e))];
    }
  }

  // An array may be written early if nothing that is read on the way lies in it.
  void place_targets() {
    if (record_ || gradients_.targets.empty()) return;
    std::unordered_set<const Chunk*> used;
    for (const Taped& t : values_) {
      if (!t.array.none()) used.insert(t.array.chunk().get());
    }
    for (const auto& [entry, array] : gradients_.targets) {
      const Node& node = *entry.node;
      if (node.is_variable() || tape_.contains(&node) || is_call_backward(node)) continue;
      if (used.insert(array.chunk().get()).second) targets_[graph_.entry(entry)] = array;
    }
  }

  void give_up() {
    for (int id = 0; id < tape_.num_nodes(); ++id) {
      auto& node = static_cast<TapeNode&>(*tape_.node(id));
      if (node.is_variable()) continue;
      node.spent = true;
      node.kept_inputs.clear();
      node.kept_outputs.clear();
    }
  }

  void drop(const Entry& e) {
    const size_t i = static_cast<size_t>(graph_.entry(e));
    if (--readers_[i] == 0) values_[i] = Taped();
  }

  // What a node reads; where only shape and dtype count and the value is gone, an array without memory.
  Taped input(const Node& node, size_t i) {
    const Entry& e = node.inputs[i];
    Taped& t = at(e);
    if (!t.array.none()) return t;
    MIXNET_CHECK(tape_.contains(e.node.get()) && contains(node.op->shape_only, static_cast<int>(i)), internal,
                 "[backward] ", node.place(), ": its input ", i, " was not kept");
    const Outline& o = static_cast<const TapeNode&>(*e.node).outlines[static_cast<size_t>(e.index)];
    return Taped(NDArray(o.shape, o.dtype, o.device));
  }

  void run_operator(int id) {
    const Node& node = *graph_.node(id);
    std::vector<Taped> inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i) inputs.push_back(input(node, i));
    const auto mode = gradients_.training.find(&node);
    InvokeOptions options;
    options.training = mode == gradients_.training.end() || mode->second;
    const int count = graph_.num_outputs(id), first = graph_.entry(id, 0);
    if (record_) return run_recorded(node, inputs, options, first);
    std::vector<NDArray> in, out(static_cast<size_t>(count));
    for (const Taped& t : inputs) in.push_back(t.array);
    const auto wanted = std::make_unique<bool[]>(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) {
      wanted[static_cast<size_t>(i)] = readers_[static_cast<size_t>(first + i)] > 0;
      const auto target = targets_.find(first + i);
      if (target != targets_.end()) out[static_cast<size_t>(i)] = target->second;
    }
    options.wanted = Span<const bool>(wanted.get(), static_cast<size_t>(count));
    mixnet::invoke(*node.op, node.params, in, out, options);
    for (int i = 0; i < count; ++i) {
      if (wanted[static_cast<size_t>(i)]) values_[static_cast<size_t>(first + i)] = Taped(out[static_cast<size_t>(i)]);
    }
  }

  void run_recorded(const Node& node, std::vector<Taped>& inputs, const InvokeOptions& options, int first) {
    std::vector<Taped*> pointers;
    for (Taped& t : inputs) pointers.push_back(&t);
    std::vector<Taped> outputs;
    autograd::invoke(*node.op, node.params, pointers, {}, outputs, options);
    for (size_t i = 0; i < outputs.size(); ++i) values_[static_cast<size_t>(first) + i] = std::move(outputs[i]);
  }

  void run_call(int id) {
    const Node& node = *graph_.node(id);
    Callable& call = call_of(node);
    MIXNET_CHECK(!record_ || call.no_second_order().empty(), unsupported,
                 "[grad] create_graph: ", call.no_second_order());
    std::vector<Taped> grads;
    for (size_t i = 0; i < node.inputs.size(); ++i) grads.push_back(input(node, i));
    std::vector<Taped> results = call.backward(std::move(grads));
    for (size_t i = 0; i < results.size(); ++i)
      values_[static_cast<size_t>(graph_.entry(id, static_cast<int>(i)))] = std::move(results[i]);
  }

  const GradientGraph& gradients_;
  const Graph& tape_;
  Graph graph_;
  bool record_;
  std::vector<Taped> values_;  // by entry
  std::vector<int> readers_;   // by entry
  std::unordered_map<int, NDArray> targets_;
};

}  // namespace

std::vector<Taped> evaluate(const GradientGraph& gradients, const Graph& tape, bool record, bool release) {
  return Evaluator(gradients, tape, record).run(release);
}

}  // namespace mixnet::autograd

#include "pass/cancel.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "pass/rewriter.h"

namespace mixnet {
namespace {

Value param(const Node& node, const char* name) { return node.op->field(name)->get(node.params.get()); }

bool is_view(const Node& node) {
  return !node.is_variable() && node.num_outputs() == 1 && !node.op->alias.empty() && node.op->alias[0].first == 0;
}

// Which axis of the input stands where in the output; empty when the node is no transposition.
Shape order_of(const Node& node, int ndim) {
  Shape order;
  if (node.is_variable() || (node.op->name != "transpose" && node.op->name != "SwapAxis")) return order;
  if (node.op->name == "SwapAxis") {
    for (int i = 0; i < ndim; ++i) order.push_back(i);
    auto axis = [&](const char* name) { return normalize_axis(param(node, name).as_int(), ndim, "SwapAxis"); };
    std::swap(order[axis("dim1")], order[axis("dim2")]);
    return order;
  }
  const Shape axes = param(node, "axes").as_ints();
  for (int i = 0; i < ndim; ++i)
    order.push_back(axes.ndim() == 0 ? ndim - 1 - i : normalize_axis(axes[i], ndim, "transpose"));
  return order;
}

// Whether the axes that have more than one element stay in their order.
bool moves_nothing(const Shape& order, const Shape& in) {
  int64_t last = -1;
  for (int i = 0; i < order.ndim(); ++i) {
    if (in[static_cast<int>(order[i])] == 1) continue;
    if (order[i] < last) return false;
    last = order[i];
  }
  return true;
}

// Operators that give their first input back when its shape and dtype do not change.
bool hands_on(const Node& node) {
  static const std::set<std::string> plain{"slice_axis",     "slice_like", "broadcast_to", "broadcast_axis",
                                           "broadcast_like", "tile",       "repeat",       "Cast"};
  const std::string& name = node.op->name;
  if (is_view(node) || plain.count(name)) return true;
  if (name == "slice") return param(node, "step").str().find('-') == std::string::npos;
  if (name == "_mul_scalar" || name == "_div_scalar") return param(node, "scalar").as_real() == 1;
  return (name == "Concat" || name == "add_n") && node.inputs.size() == 1;
}

class Canceller {
 public:
  explicit Canceller(const Typed& typed)
      : typed_(typed),
        g_(typed.graph),
        rewriter_(g_),
        changes_(changing_variables(g_)),
        is_head_(changes_.size(), false) {
    for (const Entry& e : g_.heads()) is_head_[static_cast<size_t>(g_.entry(e))] = true;
  }

  std::vector<Entry> run() {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      const NodePtr& node = g_.node(id);
      if (node->is_variable()) rewriter_.replace(id, 0, {node, 0});
      else if (!leave_out(id) && !reshape_once(id) && !transpose_once(id) && !transpose_in_product(id))
        rewriter_.keep(id);
      const Entry now = rewriter_.now({node, 0});
      first_entry_.emplace(now.node.get(), g_.entry(id, 0) - now.index);
    }
    return rewriter_.heads();
  }

 private:
  // The entry of the old graph with the same value.
  int old_entry(const Entry& e) const { return first_entry_.at(e.node.get()) + e.index; }
  const Shape& shape(const Entry& e) const { return typed_.shapes[static_cast<size_t>(old_entry(e))]; }
  const Shape& out_shape(int id) const { return typed_.shapes[static_cast<size_t>(g_.entry(id, 0))]; }
  bool changes(const Entry& e) const { return changes_[static_cast<size_t>(old_entry(e))]; }
  bool is_head(int id) const { return is_head_[static_cast<size_t>(g_.entry(id, 0))]; }

  // `source` takes the node's place, if it may.
  bool hand_on(int id, const Entry& source) {
    if (is_head(id) || changes(source)) return false;
    rewriter_.replace(id, 0, source);
    return true;
  }

  bool leave_out(int id) {
    const Node& node = *g_.node(id);
    if (node.inputs.empty() || g_.num_outputs(id) != 1) return false;
    const size_t out = static_cast<size_t>(g_.entry(id, 0)), in = static_cast<size_t>(g_.entry(node.inputs[0]));
    if (typed_.shapes[in] != typed_.shapes[out] || typed_.types[in] != typed_.types[out]) return false;
    const Shape order = order_of(node, typed_.shapes[in].ndim());
    const bool same = order.ndim() > 0 ? moves_nothing(order, typed_.shapes[in]) : hands_on(node);
    return same && hand_on(id, rewriter_.now(node.inputs[0]));
  }

  bool reshape_once(int id) {
    if (!is_view(*g_.node(id))) return false;
    const Entry input = rewriter_.now(g_.node(id)->inputs[0]);
    return input.index == 0 && is_view(*input.node) && reshape(id, input.node->inputs[0]);
  }

  bool transpose_once(int id) {
    if (g_.node(id)->inputs.empty()) return false;
    Entry source = rewriter_.now(g_.node(id)->inputs[0]);
    Shape order = order_of(*g_.node(id), shape(source).ndim());
    if (order.ndim() == 0) return false;
    const Shape before = order_of(*source.node, order.ndim());
    if (before.ndim() > 0 && !changes(source.node->inputs[0])) {
      source = source.node->inputs[0];
      for (int i = 0; i < order.ndim(); ++i) order[i] = before[static_cast<int>(order[i])];
      if (moves_nothing(order, shape(source))) return reshape(id, source) || transpose(id, source, order);
      return transpose(id, source, order);
    }
    return moves_nothing(order, shape(source)) && reshape(id, source);
  }

  bool transpose_in_product(int id) {
    const Node& node = *g_.node(id);
    const int ndim = node.op->name == "dot" ? 2 : node.op->name == "batch_dot" ? 3 : 0;
    if (ndim == 0) return false;
    std::vector<Entry> inputs = rewriter_.inputs(id);
    Attributes attributes;
    for (const auto& [name, value] : node.op->params_text(node.params.get())) {
      const size_t i = name == "transpose_a" ? 0 : name == "transpose_b" ? 1 : 2;
      const bool flip = i < 2 && is_matrix_transposed(inputs[i], ndim);
      if (flip) inputs[i] = inputs[i].node->inputs[0];
      attributes.emplace_back(name, flip ? Value(!param(node, name.c_str()).as_bool()) : Value(value));
    }
    if (inputs == rewriter_.inputs(id)) return false;
    make(id, node.op->name.c_str(), std::move(inputs), attributes);
    return true;
  }

  bool is_matrix_transposed(const Entry& e, int ndim) const {
    if (e.node->is_variable() || shape(e).ndim() != ndim) return false;
    const Shape order = order_of(*e.node, ndim);
    return order == (ndim == 2 ? Shape{1, 0} : Shape{0, 2, 1}) && !changes(e.node->inputs[0]);
  }

  bool reshape(int id, const Entry& source) {
    const Shape& to = out_shape(id);
    if (shape(source) == to && hand_on(id, source)) return true;
    if (to.ndim() == 0 || to.size() == 0 || changes(source)) return false;
    make(id, "Reshape", {source}, {{"shape", to}});
    return true;
  }
  bool transpose(int id, const Entry& source, const Shape& order) {
    make(id, "transpose", {source}, {{"axes", order}});
    return true;
  }

  void make(int id, const char* op_name, std::vector<Entry> inputs, const Attributes& attributes) {
    const OpSchema& op = registry().at(op_name);
    rewriter_.replace(id, 0, PlainNodeBuilder().make(op, op.make_params(attributes), inputs, g_.node(id)->name)[0]);
  }

  const Typed& typed_;
  const Graph& g_;
  Rewriter rewriter_;
  std::vector<bool> changes_, is_head_;               // by entry
  std::unordered_map<const Node*, int> first_entry_;  // by node of the new graph: the old entry with its first value
};

}  // namespace

std::vector<Entry> cancel(const Typed& typed) { return Canceller(typed).run(); }

}  // namespace mixnet

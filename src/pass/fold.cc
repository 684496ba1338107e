#include "pass/fold.h"

#include <algorithm>

#include "base/contains.h"
#include "op/core/custom.h"
#include "pass/rewriter.h"

namespace mixnet {
namespace {

// Inputs that are parameters, whatever else may change from run to run.
bool is_weight(const std::string& name) { return name == "weight" || name == "bias" || name == "parameters"; }

// Makes derived nodes, named after the layer.
class DerivedNodes {
 public:
  explicit DerivedNodes(std::string name) : name_(std::move(name)) {}
  Entry make(const char* op, std::vector<Entry> inputs, const Attributes& attributes = {}) {
    const OpSchema& schema = registry().at(op);
    Entry e = builder_.make(schema, schema.make_params(attributes), std::move(inputs), name_)[0];
    e.node->derived = true;
    return e;
  }
  Entry cast(Entry e, DType from, DType to) { return from == to ? e : make("Cast", {std::move(e)}, {{"dtype", to}}); }

 private:
  PlainNodeBuilder builder_;
  std::string name_;
};

Value field(const Node& node, const char* name) { return node.op->field(name)->get(node.params.get()); }

ParamsPtr with_bias(const Node& layer) {
  Attributes attributes;
  for (const auto& [name, text] : layer.op->params_text(layer.params.get()))
    attributes.emplace_back(name, name == "no_bias" ? Value(false) : Value(text));
  return layer.op->make_params(attributes, layer.name);
}

class Folder {
 public:
  Folder(const Typed& typed, const std::vector<const Node*>& inputs)
      : g_(typed.graph),
        shapes_(typed.shapes),
        types_(typed.types),
        inputs_(inputs),
        readers_(static_cast<size_t>(g_.num_entries())),
        folded_(static_cast<size_t>(g_.num_nodes())),
        weight_only_(static_cast<size_t>(g_.num_nodes()), true),
        new_(g_) {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      const Node& node = *g_.node(id);
      const std::vector<std::string> names =
          node.is_variable() ? std::vector<std::string>() : node.op->input_names(node.params.get());
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        const Entry& e = node.inputs[i];
        ++readers_[static_cast<size_t>(g_.entry(e))];
        if (i >= names.size() || !is_weight(names[i])) weight_only_[static_cast<size_t>(g_.id(e.node.get()))] = false;
      }
    }
    for (const Entry& e : g_.heads()) {
      ++readers_[static_cast<size_t>(g_.entry(e))];
      weight_only_[static_cast<size_t>(g_.id(e.node.get()))] = false;
    }
  }

  std::vector<Entry> run() {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      if (foldable(id)) folded_[static_cast<size_t>(layer_of(id))] = true;
    }
    for (int id = 0; id < g_.num_nodes(); ++id) {
      if (folded_[static_cast<size_t>(id)]) continue;
      if (foldable(id)) join(id);
      else if (is_cast_weight(id)) keep_derived(id);
      else new_.keep(id);
    }
    return new_.heads();
  }

 private:
  int layer_of(int norm) const { return g_.id(g_.node(norm)->inputs[0].node.get()); }
  int readers(int id, int output) const { return readers_[static_cast<size_t>(g_.entry(id, output))]; }
  DType type(const Entry& e) const { return types_[static_cast<size_t>(g_.entry(e))]; }

  bool parameters(const Node& node) const {
    return std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                       [&](const Entry& e) { return is_parameter(*e.node) || is_cast_weight(g_.id(e.node.get())); });
  }
  bool is_parameter(const Node& node) const { return node.is_variable() && !contains(inputs_, &node); }
  // What mixed precision makes of a parameter.
  bool is_cast_weight(int id) const {
    const Node& node = *g_.node(id);
    return weight_only_[static_cast<size_t>(id)] && !node.is_variable() && node.op->name == "amp_cast" &&
           is_parameter(*node.inputs[0].node);
  }
  void keep_derived(int id) {
    const NodePtr node = copy_node(g_.node(id), new_.inputs(id));
    node->derived = true;
    new_.replace(id, 0, {node, 0});
  }

  bool foldable(int id) const {
    const Node& norm = *g_.node(id);
    if (norm.is_variable() || norm.op->name != "BatchNorm" || readers(id, 1) > 0 || readers(id, 2) > 0) return false;
    const Node& layer = *norm.inputs[0].node;
    if (layer.is_variable() || readers(layer_of(id), 0) != 1 || !parameters(layer) || !parameters(norm)) return false;
    const Shape& y = shapes_[static_cast<size_t>(g_.entry(norm.inputs[0]))];
    const int64_t given = field(norm, "axis").as_int(), axis = given < 0 ? given + y.ndim() : given;
    if (!dtype_is_float(type(norm.inputs[0])) || y.size() == 0) return false;
    const int64_t last = int64_t{y.ndim()} - 1;
    if (layer.op->name == "FullyConnected") return axis == last;
    if (layer.op->name != "Convolution") return false;
    const std::string layout = field(layer, "layout").str();
    return axis == (layout == "NHWC" || layout == "NDHWC" ? last : 1);
  }

  void join(int id) {
    const Node &norm = *g_.node(id), &layer = *norm.inputs[0].node;
    const std::vector<Entry> of_norm = new_.inputs(id), of_layer = new_.inputs(layer_of(id));
    const Entry &gamma = of_norm[1], &beta = of_norm[2], &mean = of_norm[3], &variance = of_norm[4], &w = of_layer[1];
    const DType inner = type(norm.inputs[3]), outer = type(layer.inputs[1]);
    DerivedNodes derived(layer.name + "_folded");
    Entry scale = derived.make("_plus_scalar", {variance}, {{"scalar", field(norm, "eps").as_real()}});
    scale = derived.make("rsqrt", {scale});
    if (!field(norm, "fix_gamma").as_bool()) scale = derived.make("elemwise_mul", {gamma, scale});
    Shape per_row = shapes_[static_cast<size_t>(g_.entry(layer.inputs[1]))];
    for (int i = 1; i < per_row.ndim(); ++i) per_row[i] = 1;
    const Entry rows = derived.make("Reshape", {scale}, {{"shape", per_row}});
    const Entry weight = derived.make("broadcast_mul", {derived.cast(w, outer, inner), rows});
    Entry centre = mean;
    if (of_layer.size() > 2)
      centre = derived.make("elemwise_sub", {mean, derived.cast(of_layer[2], type(layer.inputs[2]), inner)});
    const Entry bias = derived.make("elemwise_sub", {beta, derived.make("elemwise_mul", {centre, scale})});

    const NodePtr node = copy_node(norm.inputs[0].node,
                                   {of_layer[0], derived.cast(weight, inner, outer), derived.cast(bias, inner, outer)});
    node->params = with_bias(layer);
    new_.replace(id, 0, {node, 0});
  }

  const Graph& g_;
  const std::vector<Shape>& shapes_;
  const std::vector<DType>& types_;
  const std::vector<const Node*>& inputs_;
  std::vector<int> readers_;       // by entry, heads counted
  std::vector<bool> folded_;       // by node: a layer that takes its BatchNorm in
  std::vector<bool> weight_only_;  // by node: no head, and read as a weight by all its readers
  Rewriter new_;
};

}  // namespace

std::vector<Entry> fold(const Typed& typed, const std::vector<const Node*>& inputs) {
  return Folder(typed, inputs).run();
}

std::vector<Entry> mark_constants(const Graph& graph) {
  Rewriter made(graph);
  std::vector<bool> is_head(static_cast<size_t>(graph.num_nodes()), false);
  for (const Entry& e : graph.heads()) is_head[static_cast<size_t>(graph.id(e.node.get()))] = true;
  const std::vector<bool> changing = changing_variables(graph);
  // What a node changes in place, or what depends on the mode, is made in every run.
  auto varies = [&](int id, const OpSchema& op) {
    for (int i = 0; i < graph.num_outputs(id); ++i) {
      if (changing[static_cast<size_t>(graph.entry(id, i))]) return true;
    }
    return op.random || op.uses_training || has_effects(op);
  };
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const NodePtr node = made.keep(id);
    if (node->is_variable() || node->derived || is_head[static_cast<size_t>(id)] || varies(id, *node->op)) continue;
    if (!std::all_of(node->inputs.begin(), node->inputs.end(), [](const Entry& e) { return e.node->derived; }))
      continue;
    const NodePtr constant = copy_node(graph.node(id), node->inputs);
    constant->derived = true;
    for (int i = 0; i < graph.num_outputs(id); ++i) made.replace(id, i, {constant, i});
  }
  return made.heads();
}

}  // namespace mixnet

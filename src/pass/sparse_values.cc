#include "pass/sparse_values.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "base/contains.h"
#include "pass/rewriter.h"

namespace mixnet {
namespace {

// The operator with its sparse kernel as its only one, which passes leave alone. Made once, never freed.
const OpSchema& sparse_variant(const OpSchema& op) {
  static std::mutex& mutex = *new std::mutex;
  static auto& made = *new std::map<const OpSchema*, std::unique_ptr<OpSchema>>;
  const std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<OpSchema>& variant = made[&op];
  if (variant) return *variant;
  variant = std::make_unique<OpSchema>(op);
  variant->portable = op.sparse;
  variant->sparse = nullptr;
  variant->infer_storage = nullptr;
  variant->kernels.clear();
  variant->tail_kernels.clear();
  variant->inplace.clear();
  variant->alias.clear();
  variant->pointwise = false;
  variant->joins = variant->cuts = nullptr;
  variant->row_window = nullptr;
  variant->row_part = nullptr;
  return *variant;
}

class SparsePlacer {
 public:
  SparsePlacer(const Graph& graph, const std::vector<StorageKind>& kinds, const StorageOf& variables)
      : graph_(graph), rewriter_(graph), variables_(variables) {
    for (size_t i = 0; i < kinds.size(); ++i) wanted_[graph.entry(graph.heads()[i])] = kinds[i];
  }

  std::vector<Entry> run(const std::vector<StorageKind>& kinds) {
    for (int id = 0; id < graph_.num_nodes(); ++id) {
      const NodePtr& node = graph_.node(id);
      if (node->is_variable()) rewriter_.replace(id, 0, {node, 0});
      else place(id);
    }
    std::vector<Entry> heads;
    for (size_t i = 0; i < kinds.size(); ++i) {
      const Entry& head = graph_.heads()[i];
      const bool given = kinds[i] == StorageKind::dense || given_[graph_.entry(head)];
      heads.push_back(given ? rewriter_.now(head) : convert(rewriter_.now(head), kinds[i]));
    }
    return heads;
  }

 private:
  StorageKind kind_of(const Entry& e) const {
    const auto it = variables_.find(e.node.get());
    return it == variables_.end() ? StorageKind::dense : it->second;
  }
  StorageKind wanted(int entry) const {
    const auto it = wanted_.find(entry);
    return it == wanted_.end() ? StorageKind::dense : it->second;
  }

  static bool sparse(const std::vector<StorageKind>& kinds) {
    return std::any_of(kinds.begin(), kinds.end(), [](StorageKind k) { return k != StorageKind::dense; });
  }

  // Whether the sparse kernel takes what is there and gives what is wanted; inputs may be made dense for it.
  bool takes(const Node& node, InferStorage& kinds) const {
    const std::vector<StorageKind> in = kinds.in, out = kinds.out;
    if (!node.op->infer_storage || !node.op->infer_storage(kinds) || kinds.out != out) return false;
    for (size_t i = 0; i < in.size(); ++i) {
      if (kinds.in[i] != in[i] && kinds.in[i] != StorageKind::dense) return false;
    }
    return true;
  }

  void place(int id) {
    const Node& node = *graph_.node(id);
    InferStorage kinds;
    kinds.params_ = node.params.get();
    for (const Entry& e : node.inputs) kinds.in.push_back(kind_of(e));
    for (int i = 0; i < graph_.num_outputs(id); ++i) kinds.out.push_back(wanted(graph_.entry(id, i)));
    kinds.asked.assign(kinds.out.size(), true);
    if (!sparse(kinds.in) && !sparse(kinds.out)) {
      rewriter_.keep(id);
      return;
    }
    const bool taken = takes(node, kinds);
    std::vector<Entry> inputs = rewriter_.inputs(id);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Entry& input = node.inputs[i];
      if (kind_of(input) == StorageKind::dense || (taken && kinds.in[i] != StorageKind::dense)) continue;
      if (contains(node.op->shape_only, static_cast<int>(i))) continue;
      MIXNET_CHECK(!node.mutates_input(static_cast<int>(i)), invalid, "[bind] ", input.node->name,
                   ": expected a dense array for a state");
      inputs[i] = dense(input);
    }
    if (!taken) {
      rewriter_.keep(id, std::move(inputs));
      return;
    }
    const NodePtr copy = copy_node(graph_.node(id), std::move(inputs));
    copy->op = &sparse_variant(*node.op);
    for (int i = 0; i < graph_.num_outputs(id); ++i) {
      rewriter_.replace(id, i, {copy, i});
      given_[graph_.entry(id, i)] = true;
    }
  }

  Entry dense(const Entry& value) {
    Entry& made = dense_[graph_.entry(value)];
    if (!made) made = convert(rewriter_.now(value), StorageKind::dense);
    return made;
  }

  static Entry convert(const Entry& value, StorageKind kind) {
    static const OpSchema& op = registry().at("cast_storage");
    static constexpr const char* names[] = {"default", "row_sparse", "csr"};
    const char* name = names[static_cast<int>(kind)];
    const ParamsPtr params = op.make_params({{"stype", Value(name)}});
    return PlainNodeBuilder().make(sparse_variant(op), params, {value}, concat(value.node->name, "_", name))[0];
  }

  const Graph& graph_;
  Rewriter rewriter_;
  const StorageOf& variables_;
  std::map<int, StorageKind> wanted_;  // by entry of a head
  std::map<int, bool> given_;          // by entry: its node gives the kind that is wanted
  std::map<int, Entry> dense_;         // by entry
};

}  // namespace

std::vector<Entry> place_sparse(const std::vector<Entry>& heads, const std::vector<StorageKind>& kinds,
                                const StorageOf& variables) {
  const auto dense = [](StorageKind kind) { return kind == StorageKind::dense; };
  if (variables.empty() && std::all_of(kinds.begin(), kinds.end(), dense)) return heads;
  const Graph graph(heads);
  return SparsePlacer(graph, kinds, variables).run(kinds);
}

StorageKind natural_kind(const Entry& head, const StorageOf& variables) {
  const Node& node = *head.node;
  if (node.is_variable() || !node.op->infer_storage) return StorageKind::dense;
  InferStorage kinds;
  kinds.params_ = node.params.get();
  for (const Entry& e : node.inputs) {
    const auto it = variables.find(e.node.get());
    kinds.in.push_back(it == variables.end() ? StorageKind::dense : it->second);
  }
  kinds.out.assign(static_cast<size_t>(node.num_outputs()), StorageKind::dense);
  kinds.asked.assign(kinds.out.size(), false);
  return node.op->infer_storage(kinds) ? kinds.out[static_cast<size_t>(head.index)] : StorageKind::dense;
}

void check_shapes_known_before(const Graph& graph) {
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    MIXNET_CHECK(node.is_variable() || !node.op->late_shape, unsupported, "[bind] ", node.place(),
                 ": the shape of its output is known only after it has run; expected to be called on arrays (mx.nd)");
  }
}

}  // namespace mixnet

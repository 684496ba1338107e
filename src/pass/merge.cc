#include "pass/merge.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "base/contains.h"
#include "op/core/custom.h"
#include "pass/rewriter.h"

namespace mixnet {
namespace {

class Merger {
 public:
  explicit Merger(const Typed& typed)
      : g_(typed.graph),
        rewriter_(g_),
        is_forward_(forward_part(typed)),
        changes_(changing_variables(g_)),
        stored_(static_cast<size_t>(g_.num_entries()), false),
        used_(stored_),
        is_head_(stored_) {
    for (const Entry& e : g_.heads()) {
      is_head_[static_cast<size_t>(g_.entry(e))] = true;
      stored_[static_cast<size_t>(g_.entry(e))] = true;
    }
    for (int id = 0; id < g_.num_nodes(); ++id) find_reads(id);
  }

  std::vector<Entry> run() {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      const NodePtr& node = g_.node(id);
      if (node->is_variable()) {
        rewriter_.replace(id, 0, {node, 0});
        continue;
      }
      if (!mergeable(id)) {
        rewriter_.keep(id);
        continue;
      }
      const auto [it, first] = seen_.emplace(key(id), id);
      if (first || !may_become(id, it->second)) {
        rewriter_.keep(id);
        it->second = id;
      } else {
        become(id, it->second);
      }
    }
    return rewriter_.heads();
  }

 private:
  // What somebody reads, and which forward values backward keeps alive.
  void find_reads(int id) {
    const Node& node = *g_.node(id);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const size_t e = static_cast<size_t>(g_.entry(node.inputs[i]));
      used_[e] = true;
      const bool bytes = !contains(node.op->shape_only, static_cast<int>(i));
      if (bytes && !is_forward_[static_cast<size_t>(id)]) stored_[e] = true;
    }
  }

  bool mergeable(int id) const {
    const Node& node = *g_.node(id);
    const void* const params = node.params.get();
    const bool draws = node.op->draws(params, true) || node.op->draws(params, false);
    if (draws || has_effects(*node.op) || node.inputs.empty()) return false;
    return std::none_of(node.inputs.begin(), node.inputs.end(),
                        [this](const Entry& e) { return changes_[static_cast<size_t>(g_.entry(e))]; });
  }

  std::string key(int id) const {
    const Node& node = *g_.node(id);
    std::string text = std::to_string(node.op->id);
    for (const Entry& e : rewriter_.inputs(id))
      text += concat(" ", static_cast<const void*>(e.node.get()), ":", e.index);
    for (const auto& [name, value] : node.op->params_text(node.params.get())) text += concat(" ", name, "=", value);
    if (node.device != DeviceId()) text += " on " + node.device.str();
    return text;
  }

  bool may_become(int id, int other) {
    const bool same_part = is_forward_[static_cast<size_t>(id)] == is_forward_[static_cast<size_t>(other)];
    for (int i = 0; i < g_.num_outputs(id); ++i) {
      const size_t mine = static_cast<size_t>(g_.entry(id, i)), its = static_cast<size_t>(g_.entry(other, i));
      if (!same_part && used_[mine] && !stored_[its]) return false;
    }
    return true;
  }

  void become(int id, int other) {
    for (int i = 0; i < g_.num_outputs(id); ++i) {
      const size_t mine = static_cast<size_t>(g_.entry(id, i)), its = static_cast<size_t>(g_.entry(other, i));
      const Entry value = rewriter_.now({g_.node(other), i});
      rewriter_.replace(id, i, is_head_[mine] ? copied(value, g_.node(id)->name) : value);
      if (!is_head_[mine]) stored_[its] = stored_[its] || stored_[mine];
    }
  }

  static Entry copied(const Entry& value, const std::string& name) {
    const OpSchema& copy = registry().at("_copy");
    return PlainNodeBuilder().make(copy, copy.make_params({}), {value}, name)[0];
  }

  const Graph& g_;
  Rewriter rewriter_;
  std::vector<bool> is_forward_;     // by node
  std::vector<bool> changes_;        // by entry
  std::vector<bool> stored_, used_;  // by entry: alive in backward anyway; read by anybody
  std::vector<bool> is_head_;        // by entry
  std::unordered_map<std::string, int> seen_;
};

}  // namespace

std::vector<Entry> merge(const Typed& typed) {
  std::vector<Entry> heads = Merger(typed).run();
  if (heads == typed.graph.heads()) return heads;
  return peak_bytes(retype(heads, typed)) <= peak_bytes(typed) ? heads : typed.graph.heads();
}

}  // namespace mixnet

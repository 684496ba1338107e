#include "pass/recompute.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/contains.h"
#include "op/core/custom.h"
#include "pass/fuse.h"
#include "pass/rewriter.h"
#include "pass/segments.h"

namespace mixnet {
namespace {

bool is_costly(const OpSchema& op) {
  static const std::set<std::string> names{"Convolution", "Deconvolution", "FullyConnected", "dot",     "batch_dot",
                                           "khatri_rao",  "RNN",           "Correlation",    "CTCLoss", "topk",
                                           "sort",        "argsort"};
  auto starts_with = [&op](const char* prefix) { return op.name.rfind(prefix, 0) == 0; };
  return names.count(op.name) || starts_with("linalg_") || starts_with("_linalg_") ||
         starts_with("_contrib_interleaved_matmul");
}

bool is_forced(const Node& node) {
  for (const char* key : {"force_mirroring", "__force_mirroring__"}) {
    const auto it = node.attributes.find(key);
    if (it != node.attributes.end()) return it->second == "true" || it->second == "True" || it->second == "1";
  }
  return false;
}

class Recomputer {
 public:
  Recomputer(const Typed& typed, Recompute which)
      : typed_(typed), g_(typed.graph), which_(which), is_forward_(forward_part(typed)) {
    const size_t nodes = static_cast<size_t>(g_.num_nodes());
    may_.assign(nodes, false);
    is_head_.assign(nodes, false);
    direct_.assign(nodes, 0);
    for (const Entry& e : g_.heads()) is_head_[node_of(e)] = true;
    std::set<int> seen;
    for (int id = 0; id < g_.num_nodes(); ++id) {
      if (is_forward_[static_cast<size_t>(id)]) continue;
      for_bytes(id, [&](const Entry& e) {
        if (is_forward_[node_of(e)] && !is_small(e) && seen.insert(g_.entry(e)).second)
          direct_[node_of(e)] += typed_.bytes(g_.entry(e));
      });
    }
    const std::vector<bool> changes = changing_variables(g_);
    for (int id = 0; id < g_.num_nodes(); ++id) may_[static_cast<size_t>(id)] = may_recompute(id, changes);
  }

  int64_t stored_bytes() const {
    int64_t bytes = 0;
    for (size_t id = 0; id < direct_.size(); ++id) bytes += may_[id] ? direct_[id] : 0;
    return bytes;
  }

  // By node: whether backward gets it from a second run, when the forward part has segments of about this many bytes.
  std::vector<bool> choose(int64_t segment_bytes) {
    const std::vector<int> segment = segments(typed_, may_, direct_, segment_bytes);
    chosen_.assign(may_.size(), false);
    cost_.assign(may_.size(), 0);
    for (int id = 0; id < g_.num_nodes(); ++id) {
      if (is_forward_[static_cast<size_t>(id)] && !g_.node(id)->is_variable()) decide(id, crosses(id, segment));
    }
    return chosen_;
  }

  // `again`: as from choose.
  std::vector<Entry> build(const std::vector<bool>& again) const {
    const std::vector<bool> needed = find_needed(again);
    Rewriter rewriter(g_);
    std::vector<NodePtr> second(again.size());
    auto second_run = [&](const Entry& e) {
      const NodePtr& copy = second[node_of(e)];
      return copy && !is_small(e) ? Entry{copy, e.index} : rewriter.now(e);
    };
    auto inputs = [&](int id) {
      std::vector<Entry> all = rewriter.inputs(id);
      const Node& node = *g_.node(id);
      for (size_t i = 0; i < all.size(); ++i) {
        if (!contains(node.op->shape_only, static_cast<int>(i))) all[i] = second_run(node.inputs[i]);
      }
      return all;
    };
    for (int id = 0; id < g_.num_nodes(); ++id) {
      if (g_.node(id)->is_variable()) rewriter.replace(id, 0, {g_.node(id), 0});
      else if (is_forward_[static_cast<size_t>(id)]) rewriter.keep(id);
      else rewriter.keep(id, inputs(id));
      if (!needed[static_cast<size_t>(id)]) continue;
      NodePtr copy = copy_node(g_.node(id), inputs(id));
      copy->name += "_again";
      copy->recomputed = true;
      second[static_cast<size_t>(id)] = std::move(copy);
    }
    return rewriter.heads();
  }

  // Elements that second runs compute, with costly operators counted for what they are.
  double work(const std::vector<bool>& again) const {
    const std::vector<bool> needed = find_needed(again);
    double bytes = 0;
    for (int id = 0; id < g_.num_nodes(); ++id) {
      if (needed[static_cast<size_t>(id)])
        bytes += static_cast<double>(typed_.bytes(g_.entry(id, 0))) * (is_costly(*g_.node(id)->op) ? 100 : 1);
    }
    return bytes;
  }

 private:
  size_t node_of(const Entry& e) const { return static_cast<size_t>(g_.id(e.node.get())); }

  // Next to the node's largest output, as the statistics of a BatchNorm: kept, whatever becomes of the other.
  bool is_small(const Entry& e) const {
    int64_t most = 0;
    for (int i = 0; i < e.node->num_outputs(); ++i) most = std::max(most, typed_.bytes(g_.entry({e.node, i})));
    return typed_.bytes(g_.entry(e)) * 16 < most;
  }

  // f(entry) for the inputs whose bytes a node reads.
  template <class F>
  void for_bytes(int id, F f) const {
    const Node& node = *g_.node(id);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (!contains(node.op->shape_only, static_cast<int>(i))) f(node.inputs[i]);
    }
  }

  bool may_recompute(int id, const std::vector<bool>& changes) const {
    const Node& node = *g_.node(id);
    if (!is_forward_[static_cast<size_t>(id)] || node.is_variable() || is_head_[static_cast<size_t>(id)]) return false;
    if (node.derived || has_effects(*node.op)) return false;
    // Moving statistics are moved by backward, but in training nobody reads them.
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const bool auxiliary = contains(node.op->auxiliary, static_cast<int>(i));
      if (changes[static_cast<size_t>(g_.entry(node.inputs[i]))] && !auxiliary) return false;
    }
    if (is_forced(node)) return true;
    return which_ == Recompute::any || (which_ == Recompute::cheap && !is_costly(*node.op));
  }

  // Read by a node of another segment that may run again; with everything running again, the last segment is kept.
  bool crosses(int id, const std::vector<int>& segment) {
    const int mine = segment[static_cast<size_t>(id)];
    return mine != segment_read_last(id, segment) || (which_ == Recompute::any && mine == segment.back());
  }

  int segment_read_last(int id, const std::vector<int>& segment) {
    if (readers_.empty()) {
      readers_.resize(may_.size());
      for (int reader = 0; reader < g_.num_nodes(); ++reader) {
        if (!may_[static_cast<size_t>(reader)]) continue;
        for_bytes(reader, [&](const Entry& e) { readers_[node_of(e)] = reader; });
      }
    }
    const int reader = readers_[static_cast<size_t>(id)];
    return segment[static_cast<size_t>(reader > 0 ? reader : id)];
  }

  // cost_: bytes to be kept for the sake of a value alone, should a second run need it.
  void decide(int id, bool crossing) {
    const size_t n = static_cast<size_t>(id);
    int64_t cost = 0, bytes = 0;
    for_bytes(id, [&](const Entry& e) { cost += cost_[node_of(e)]; });
    for (int i = 0; i < g_.num_outputs(id); ++i) bytes += typed_.bytes(g_.entry(id, i));
    const bool forced = may_[n] && is_forced(*g_.node(id));
    const int64_t saved = direct_[n] > 0 ? direct_[n] : bytes;
    chosen_[n] = may_[n] && (forced || (!crossing && cost < saved));
    const bool kept_anyway = direct_[n] > 0 || is_head_[n] || g_.node(id)->derived;
    if (!chosen_[n]) cost_[n] = kept_anyway ? 0 : bytes;
    else if (direct_[n] > 0) keep_sources(id);
    else cost_[n] = std::min(cost, bytes);
  }

  // A value of backward comes from these: they are kept whatever else is decided.
  void keep_sources(int id) {
    std::vector<int> stack{id};
    while (!stack.empty()) {
      const int top = stack.back();
      stack.pop_back();
      for_bytes(top, [&](const Entry& e) {
        if (cost_[node_of(e)] == 0) return;
        cost_[node_of(e)] = 0;
        if (chosen_[node_of(e)]) stack.push_back(static_cast<int>(node_of(e)));
      });
    }
  }

  // Second runs that backward reads, or that those read.
  std::vector<bool> find_needed(const std::vector<bool>& again) const {
    std::vector<bool> needed(again.size(), false);
    for (int id = g_.num_nodes() - 1; id >= 0; --id) {
      if (is_forward_[static_cast<size_t>(id)] && !needed[static_cast<size_t>(id)]) continue;
      for_bytes(id, [&](const Entry& e) {
        if (again[node_of(e)] && !is_small(e)) needed[node_of(e)] = true;
      });
    }
    return needed;
  }

  const Typed& typed_;
  const Graph& g_;
  const Recompute which_;
  const std::vector<bool> is_forward_;
  std::vector<bool> may_, is_head_;  // by node
  std::vector<int64_t> direct_;      // by node: bytes that nodes of the backward part read
  std::vector<int> readers_;         // by node: the last reader that may run again, or 0
  std::vector<bool> chosen_;
  std::vector<int64_t> cost_;
};

struct Choice {
  std::vector<Entry> heads;
  double peak = 0, work = 0;
};

double peak_of(const std::vector<Entry>& heads, const Typed& before, bool fused) {
  Typed typed = retype(heads, before);
  if (fused) typed = retype(fuse(typed), typed);
  return static_cast<double>(peak_bytes(typed));
}

}  // namespace

std::vector<Entry> recompute(const Typed& typed, Recompute which, bool fused) {
  const bool has_backward = static_cast<size_t>(typed.num_forward_heads) < typed.graph.heads().size();
  if (!has_backward) return typed.graph.heads();
  auto attempt = [&](Recomputer& recomputer, int64_t parts) {
    const std::vector<bool> again = recomputer.choose(recomputer.stored_bytes() / parts + 1);
    return Choice{recomputer.build(again), 0, recomputer.work(again)};
  };
  Recomputer forced(typed, Recompute::forced);
  Choice best = attempt(forced, 1);
  if (which == Recompute::forced) return best.heads;
  best.peak = peak_of(best.heads, typed, fused);
  for (Recompute how : {Recompute::cheap, Recompute::any}) {
    if (how == Recompute::any && which != Recompute::any) break;
    Recomputer recomputer(typed, how);
    for (int64_t parts : {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64}) {
      Choice next = attempt(recomputer, parts);
      next.peak = peak_of(next.heads, typed, fused);
      const bool level = std::fabs(next.peak - best.peak) <= 0.01 * best.peak;
      if (level ? next.work < best.work : next.peak < best.peak) best = std::move(next);
    }
  }
  return best.heads;
}

}  // namespace mixnet

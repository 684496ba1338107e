#include "executor/layouts.h"

#include <algorithm>

#include "base/contains.h"

namespace mixnet {
namespace {

constexpr int most_rounds = 16;

class Chooser {
 public:
  explicit Chooser(const LayoutInput& input) : in_(input), g_(*input.graph) {
    refused_.assign(static_cast<size_t>(g_.num_entries()), !in_.keep);
    choice_.kernels.resize(static_cast<size_t>(g_.num_nodes()));
    offered_to_.resize(static_cast<size_t>(g_.num_nodes()));
  }

  LayoutChoice run() {
    for (int round = 0;; ++round) {
      // A graph that does not settle is run row-major.
      if (round == most_rounds) refused_.assign(refused_.size(), true);
      choice_.kept.assign(refused_.size(), nullptr);
      for (int id = 0; id < g_.num_nodes(); ++id) offer(id);
      if (settle() || round == most_rounds) break;
    }
    for (int id = 0; id < g_.num_nodes(); ++id) adopt(id);
    return std::move(choice_);
  }

 private:
  LayoutPtr& kept(int entry) { return choice_.kept[static_cast<size_t>(entry)]; }
  Kernel* kernel(int id) { return choice_.kernels[static_cast<size_t>(id)].get(); }
  int input(const Node& node, size_t i) const { return g_.entry(node.inputs[i]); }

  void offer(int id) {
    const Node& node = *g_.node(id);
    if (node.is_variable() || node.derived) return;
    std::vector<LayoutPtr> layouts;
    for (size_t i = 0; i < node.inputs.size(); ++i) layouts.push_back(kept(input(node, i)));
    if (std::all_of(layouts.begin(), layouts.end(), [](const LayoutPtr& l) { return !l; })) layouts.clear();
    std::vector<LayoutPtr>& before = offered_to_[static_cast<size_t>(id)];
    const bool same =
        before.size() == layouts.size() && std::equal(before.begin(), before.end(), layouts.begin(), same_layout);
    if (!kernel(id) || !same) choice_.kernels[static_cast<size_t>(id)] = in_.prepare(id, layouts);
    before = layouts;
    bool whole = true;
    for (int o = 0; o < g_.num_outputs(id); ++o) whole = whole && free(g_.entry(id, o));
    // A pointwise operator has all its outputs in one layout.
    const LayoutPtr passed = whole ? passed_on(node, layouts) : nullptr;
    for (int o = 0; o < g_.num_outputs(id); ++o) {
      const int entry = g_.entry(id, o);
      if (free(entry)) kept(entry) = node.op->is_pointwise(node.params.get()) ? passed : kernel(id)->output_layout(o);
    }
  }
  bool free(int entry) const {
    return !refused_[static_cast<size_t>(entry)] && !in_.external[static_cast<size_t>(entry)];
  }

  // What a pointwise operator makes of its inputs' layouts.
  static LayoutPtr passed_on(const Node& node, const std::vector<LayoutPtr>& layouts) {
    if (!node.op->is_pointwise(node.params.get()) || layouts.empty() || !layouts[0] || !layouts[0]->gapless())
      return nullptr;
    const bool one =
        std::all_of(layouts.begin(), layouts.end(), [&](const LayoutPtr& l) { return same_layout(l, layouts[0]); });
    return one ? layouts[0] : nullptr;
  }

  // Whether an operator's outputs all stay as they were offered.
  bool keeps(int id) {
    for (int o = 0; o < g_.num_outputs(id); ++o) {
      if (!kept(g_.entry(id, o)) || refused_[static_cast<size_t>(g_.entry(id, o))]) return false;
    }
    return true;
  }

  // Refuses what some reader does not take; true when there was nothing to refuse. From the end, so that pointwise operators, one behind the other, are
  // refused together.
  bool settle() {
    bool settled = true;
    auto refuse = [&](int entry) {
      if (!kept(entry)) return;
      refused_[static_cast<size_t>(entry)] = true;
      settled = false;
    };
    for (int id = g_.num_nodes() - 1; id >= 0; --id) {
      const Node& node = *g_.node(id);
      if (node.is_variable() || node.derived) continue;
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        const int index = static_cast<int>(i), entry = input(node, i);
        if (!kept(entry) || contains(node.op->shape_only, index)) continue;
        const bool taken = node.op->is_pointwise(node.params.get())
                               ? keeps(id)
                               : node.op->alias.empty() && (!kernel(id)->reads_input(index) ||
                                                            same_layout(kernel(id)->input_layout(index), kept(entry)));
        if (!taken) refuse(entry);
      }
    }
    return settled;
  }

  void adopt(int id) {
    const Node& node = *g_.node(id);
    if (node.is_variable() || node.derived || node.op->is_pointwise(node.params.get())) return;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const int index = static_cast<int>(i);
      if (kept(input(node, i)) && !contains(node.op->shape_only, index) && kernel(id)->reads_input(index))
        kernel(id)->adopt_input(index);
    }
    for (int o = 0; o < g_.num_outputs(id); ++o) {
      if (kept(g_.entry(id, o))) kernel(id)->adopt_output(o);
    }
  }

  const LayoutInput& in_;
  const Graph& g_;
  LayoutChoice choice_;
  std::vector<bool> refused_;                       // by entry
  std::vector<std::vector<LayoutPtr>> offered_to_;  // by node: what its kernel was prepared for
};

}  // namespace

LayoutChoice choose_layouts(const LayoutInput& input) { return Chooser(input).run(); }

}  // namespace mixnet

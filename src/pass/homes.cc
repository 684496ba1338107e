#include "pass/homes.h"

#include <algorithm>

#include "base/contains.h"
#include "pass/typed.h"

namespace mixnet {
namespace {

class HomeFinder {
 public:
  HomeFinder(const MemoryPlanInput& input, const std::vector<int>& last_use, const std::vector<bool>& kept)
      : in_(input), g_(*input.graph), last_use_(last_use), kept_(kept), changes_(changing_variables(g_)) {
    found_.of.resize(static_cast<size_t>(g_.num_entries()));
    found_.elided.assign(static_cast<size_t>(g_.num_nodes()), false);
  }

  Homes run() {
    if (in_.inplace && !in_.pieces.empty()) {
      for (int id = g_.num_nodes() - 1; id >= 0; --id) {
        if (!g_.node(id)->is_variable() && !try_join(id)) pass_on(id);
      }
    }
    return std::move(found_);
  }

 private:
  Home& home(int entry) { return found_.of[static_cast<size_t>(entry)]; }
  int64_t bytes(int entry) const { return in_.bytes[static_cast<size_t>(entry)]; }
  int last_use(int entry) const { return last_use_[static_cast<size_t>(entry)]; }
  bool external(int entry) const { return in_.external[static_cast<size_t>(entry)]; }

  bool movable(int entry) { return !external(entry) && home(entry).root < 0 && !changes_[static_cast<size_t>(entry)]; }

  // Lays the inputs of a join, or of a view, in its output.
  bool try_join(int id) {
    const Pieces& p = in_.pieces[static_cast<size_t>(id)];
    if ((p.kind != Pieces::join && p.kind != Pieces::view) || kept_[static_cast<size_t>(id)]) return false;
    const int out = g_.entry(id, 0);
    if (changes_[static_cast<size_t>(out)]) return false;
    Home whole = home(out);
    if (whole.root < 0) {
      // The planner makes other views after their source is placed.
      if (external(out) ? !in_.early[static_cast<size_t>(out)] : p.kind == Pieces::view) return false;
      whole.root = out;
    }
    std::vector<int> parts;
    for (size_t i = 0; i < p.at.size(); ++i) {
      const int part = g_.entry(g_.node(id)->inputs[static_cast<size_t>(p.first) + i]);
      if (!movable(part) || last_use(part) >= whole.until || contains(parts, part)) return false;
      parts.push_back(part);
    }
    for (size_t i = 0; i < parts.size(); ++i) home(parts[i]) = {whole.root, whole.at + p.at[i], whole.until};
    found_.elided[static_cast<size_t>(id)] = true;
    return true;
  }

  // An output that may take over a dying input has it made at its home.
  void pass_on(int id) {
    const Node& node = *g_.node(id);
    for (int o = 0; o < g_.num_outputs(id); ++o) {
      const Home whole = home(g_.entry(id, o));
      if (whole.root < 0) continue;
      for (const auto& [i, output] : node.op->inplace) {
        if (output != o || i >= static_cast<int>(node.inputs.size()) || !dies_here(id, i, o)) continue;
        home(g_.entry(node.inputs[static_cast<size_t>(i)])) = {whole.root, whole.at, id};
        break;
      }
    }
  }

  bool dies_here(int id, int i, int o) {
    const Node& node = *g_.node(id);
    const int source = g_.entry(node.inputs[static_cast<size_t>(i)]);
    if (!movable(source) || last_use(source) > id || bytes(source) != bytes(g_.entry(id, o))) return false;
    if (contains(node.op->shape_only, i)) return false;
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      const int other = static_cast<int>(k);
      if (other == i || g_.entry(node.inputs[k]) != source) continue;
      if (!contains(node.op->inplace, std::make_pair(other, o)) && !contains(node.op->shape_only, other)) return false;
    }
    return true;
  }

  const MemoryPlanInput& in_;
  const Graph& g_;
  const std::vector<int>& last_use_;
  const std::vector<bool>& kept_;
  const std::vector<bool> changes_;
  Homes found_;
};

}  // namespace

Homes find_homes(const MemoryPlanInput& input, const std::vector<int>& last_use, const std::vector<bool>& kept) {
  return HomeFinder(input, last_use, kept).run();
}

}  // namespace mixnet

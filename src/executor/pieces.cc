#include "executor/pieces.h"

namespace mixnet {
namespace {

class PieceFinder {
 public:
  explicit PieceFinder(const PiecesInput& input) : in_(input), g_(input.graph) {}

  Pieces find(int id) const {
    const Node& node = *g_.node(id);
    if (!in_.kernels[static_cast<size_t>(id)]) return {};
    if (!node.op->alias.empty()) return view(id, node.op->alias[0].first);
    if (in_.kernels[static_cast<size_t>(id)]->moves_nothing()) return view(id, 0);
    std::vector<int> parts;
    if (node.op->joins && g_.num_outputs(id) == 1) {
      for (size_t i = 0; i < node.inputs.size(); ++i) parts.push_back(g_.entry(node.inputs[i]));
      return along(Pieces::join, g_.entry(id, 0), parts, node.op->joins(node.params.get(), shape(g_.entry(id, 0))));
    }
    if (!node.op->cuts) return {};
    const int whole = g_.entry(node.inputs[0]);
    for (int o = 0; o < g_.num_outputs(id); ++o) parts.push_back(g_.entry(id, o));
    return along(Pieces::cut, whole, parts, node.op->cuts(node.params.get(), shape(whole)));
  }

 private:
  const Shape& shape(int entry) const { return in_.shapes[static_cast<size_t>(entry)]; }
  DType type(int entry) const { return in_.types[static_cast<size_t>(entry)]; }
  const LayoutPtr& layout(int entry) const { return in_.layouts[static_cast<size_t>(entry)]; }
  int64_t bytes(int entry) const {
    return layout(entry) ? layout(entry)->bytes() : shape(entry).size() * dtype_size(type(entry));
  }

  Pieces view(int id, int input) const {
    const int in = g_.entry(g_.node(id)->inputs[static_cast<size_t>(input)]), out = g_.entry(id, 0);
    if (g_.num_outputs(id) != 1 || bytes(in) != bytes(out)) return {};
    return {Pieces::view, {0}, input};
  }

  // The parts in the whole; nothing where they are not each in one piece there.
  Pieces along(Pieces::Kind kind, int whole, const std::vector<int>& parts, const AxisPieces& pieces) const {
    Pieces found{kind, {}, 0};
    // A part without the axis (stack, squeeze_axis) has one index of it.
    int64_t index = pieces.begin;
    for (int part : parts) {
      const int64_t extent = shape(part).ndim() == shape(whole).ndim() ? shape(part)[pieces.axis] : 1;
      const int64_t at = place(whole, part, pieces.axis, index, extent);
      if (at < 0 || at + bytes(part) > bytes(whole) || type(part) != type(whole)) return {};
      // In padded blocks a part may be longer than what it has.
      if (!found.at.empty() && at < found.at.back() + bytes(parts[found.at.size() - 1])) return {};
      found.at.push_back(at);
      index += extent;
    }
    return found;
  }

  int64_t place(int whole, int part, int axis, int64_t index, int64_t extent) const {
    const Shape& s = shape(whole);
    if (!layout(whole) && !layout(part)) {
      if (s.size(0, axis) != 1) return -1;
      return index * s.size(axis + 1, s.ndim()) * dtype_size(type(whole));
    }
    if (!layout(whole) || !same_layout(layout(whole)->with_extent(axis, extent), layout(part))) return -1;
    return layout(whole)->piece(axis, index);
  }

  const PiecesInput& in_;
  const Graph& g_;
};

}  // namespace

std::vector<Pieces> find_pieces(const PiecesInput& input) {
  const PieceFinder finder(input);
  std::vector<Pieces> all;
  for (int id = 0; id < input.graph.num_nodes(); ++id) all.push_back(finder.find(id));
  return all;
}

}  // namespace mixnet

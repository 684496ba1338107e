#include "pass/infer.h"

#include <algorithm>

namespace mixnet {
namespace {

// Gathers a node's known values into the rule's context, runs it, and scatters back. True when something new came out.
template <class Context, class T, class Rule>
bool apply(const Graph& graph, int id, const Rule& rule, std::vector<T>& values) {
  const Node& node = *graph.node(id);
  Context context(*node.op, node.params.get(), node.name);
  for (const Entry& e : node.inputs) context.in.push_back(values[static_cast<size_t>(graph.entry(e))]);
  for (int i = 0; i < graph.num_outputs(id); ++i)
    context.out.push_back(values[static_cast<size_t>(graph.entry(id, i))]);
  rule(context);
  bool changed = false;
  auto store = [&](int entry, const T& now) {
    T& slot = values[static_cast<size_t>(entry)];
    if (slot == now) return;
    slot = now;
    changed = true;
  };
  for (size_t i = 0; i < node.inputs.size(); ++i) store(graph.entry(node.inputs[i]), context.in[i]);
  for (int i = 0; i < graph.num_outputs(id); ++i) store(graph.entry(id, i), context.out[static_cast<size_t>(i)]);
  return changed;
}

// rule(operator, context), on all nodes until nothing changes.
template <class Context, class T, class Rule>
std::vector<T> fixpoint(const Graph& graph, std::vector<T> values, Rule rule) {
  MIXNET_CHECK(values.size() == static_cast<size_t>(graph.num_entries()), internal,
               "[infer] one start value per entry");
  bool changed = true;
  for (bool forward = true; changed; forward = !forward) {
    changed = false;
    for (int i = 0; i < graph.num_nodes(); ++i) {
      const int id = forward ? i : graph.num_nodes() - 1 - i;
      if (graph.node(id)->is_variable()) continue;
      changed = apply<Context>(graph, id, [&](Context& c) { rule(*graph.node(id)->op, c); }, values) || changed;
    }
  }
  return values;
}

template <class Known>
std::string first_unknown(const Graph& graph, const char* what, Known known) {
  for (int id = 0; id < graph.num_nodes(); ++id) {
    for (int i = 0; i < graph.num_outputs(id); ++i) {
      if (!known(static_cast<size_t>(graph.entry(id, i))))
        return graph.node(id)->place() + ": " + what + " cannot be inferred";
    }
  }
  return "";
}

}  // namespace

std::vector<Shape> infer_shapes(const Graph& graph, std::vector<Shape> known) {
  // Defaults only once nothing else is left to say.
  for (bool last : {false, true}) {
    known = fixpoint<InferShape>(graph, std::move(known), [last](const OpSchema& op, InferShape& c) {
      c.last = last;
      op.infer_shape(c);
    });
    if (std::all_of(known.begin(), known.end(), [](const Shape& shape) { return shape.known(); })) break;
  }
  return known;
}

std::vector<DType> infer_types(const Graph& graph, std::vector<DType> known) {
  return fixpoint<InferType>(graph, std::move(known), [](const OpSchema& op, InferType& c) { op.infer_type(c); });
}

std::string first_unknown_shape(const Graph& graph, const std::vector<Shape>& shapes) {
  return first_unknown(graph, "the shape", [&](size_t e) { return shapes[e].known(); });
}

std::string first_unknown_type(const Graph& graph, const std::vector<DType>& types) {
  return first_unknown(graph, "the dtype", [&](size_t e) { return types[e] != DType::unknown; });
}

}  // namespace mixnet

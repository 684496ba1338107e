#include "pass/infer.h"

#include <algorithm>

#include "symbol/body.h"

namespace mixnet {
namespace {

// Gathers a node's known values into the rule's context, runs it, and scatters back. True when something new came out.
template <class Context, class T, class Rule>
bool apply(const Graph& graph, int id, const Rule& rule, std::vector<T>& values) {
  const Node& node = *graph.node(id);
  Context context(*node.op, node.params.get(), node.name);
  context.subgraphs = &subgraph_inference();
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

namespace {

std::vector<Shape> shapes_until(const Graph& graph, std::vector<Shape> known, bool last, DeviceId device) {
  return fixpoint<InferShape>(graph, std::move(known), [last, device](const OpSchema& op, InferShape& c) {
    c.last = last;
    c.device = device;
    op.infer_shape(c);
  });
}

// A value of a body and what the operator has for it, made equal.
void join(Shape& mine, Shape& outer, const std::string& name) {
  const Shape before = mine;
  MIXNET_CHECK(mine.merge(outer), shape, "[subgraph] ", name, ": expected ", before, ", got ", outer);
  outer = mine;
}
void join(DType& mine, DType& outer, const std::string& name) {
  if (mine == DType::unknown) mine = outer;
  MIXNET_CHECK(outer == DType::unknown || mine == outer, type, "[subgraph] ", name, ": expected ", mine, ", got ",
               outer);
  outer = mine;
}

// In with what is known outside, infer(start), and out again. Inputs that nothing inside needs stay as they are.
template <class T, class Infer>
void infer_body(const Subgraph& subgraph, T unknown, std::vector<T>& in, std::vector<T>& out, Infer infer) {
  const GraphBody& body = body_of(subgraph);
  const Graph& graph = body.graph();
  std::vector<T> values(static_cast<size_t>(graph.num_entries()), unknown);
  const auto exchange = [&] {
    for (size_t i = 0; i < in.size(); ++i) {
      const NodePtr& variable = body.inputs()[i];
      if (graph.contains(variable.get()))
        join(values[static_cast<size_t>(graph.entry({variable, 0}))], in[i], variable->name);
    }
    for (size_t i = 0; i < out.size(); ++i)
      join(values[static_cast<size_t>(graph.entry(graph.heads()[i]))], out[i], concat("output ", i));
  };
  exchange();
  values = infer(graph, std::move(values));
  exchange();
}

class BodyInference : public SubgraphInference {
 public:
  void shapes(const Subgraph& graph, std::vector<Shape>& in, std::vector<Shape>& out, bool last) const override {
    infer_body(graph, Shape::unknown(), in, out, [last](const Graph& g, std::vector<Shape> known) {
      return shapes_until(g, std::move(known), last, {});
    });
  }
  void types(const Subgraph& graph, std::vector<DType>& in, std::vector<DType>& out) const override {
    infer_body(graph, DType::unknown, in, out,
               [](const Graph& g, std::vector<DType> known) { return infer_types(g, std::move(known)); });
  }
};

}  // namespace

const SubgraphInference& subgraph_inference() {
  static const BodyInference inference;
  return inference;
}

std::vector<Shape> infer_shapes(const Graph& graph, std::vector<Shape> known, DeviceId device) {
  // Defaults only once nothing else is left to say.
  for (bool last : {false, true}) {
    known = shapes_until(graph, std::move(known), last, device);
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

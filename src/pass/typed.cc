#include "pass/typed.h"

#include "pass/infer.h"
#include "pass/plan_memory.h"

namespace mixnet {

int64_t Typed::bytes(int entry) const {
  return shapes[static_cast<size_t>(entry)].size() * dtype_size(types[static_cast<size_t>(entry)]);
}

Typed retype(std::vector<Entry> heads, const Typed& before) {
  Typed now{Graph(std::move(heads)), {}, {}, before.num_forward_heads};
  now.shapes.assign(static_cast<size_t>(now.graph.num_entries()), Shape::unknown());
  now.types.assign(now.shapes.size(), DType::unknown);
  auto same = [&](int entry, int old) {
    now.shapes[static_cast<size_t>(entry)] = before.shapes[static_cast<size_t>(old)];
    now.types[static_cast<size_t>(entry)] = before.types[static_cast<size_t>(old)];
  };
  for (int id = 0; id < now.graph.num_nodes(); ++id) {
    const Node* node = now.graph.node(id).get();
    if (node->is_variable()) same(now.graph.entry(id, 0), before.graph.entry(before.graph.id(node), 0));
  }
  for (size_t i = 0; i < now.graph.heads().size(); ++i)
    same(now.graph.entry(now.graph.heads()[i]), before.graph.entry(before.graph.heads()[i]));
  now.shapes = infer_shapes(now.graph, std::move(now.shapes));
  now.types = infer_types(now.graph, std::move(now.types));
  return now;
}

std::vector<bool> forward_part(const Typed& typed) {
  const std::vector<Entry>& heads = typed.graph.heads();
  const Graph forward(std::vector<Entry>(heads.begin(), heads.begin() + typed.num_forward_heads));
  std::vector<bool> is_forward;
  for (int id = 0; id < typed.graph.num_nodes(); ++id)
    is_forward.push_back(forward.contains(typed.graph.node(id).get()));
  return is_forward;
}

std::vector<bool> changing_variables(const Graph& graph) {
  std::vector<bool> changes(static_cast<size_t>(graph.num_entries()), false);
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.mutates_input(static_cast<int>(i))) changes[static_cast<size_t>(graph.entry(node.inputs[i]))] = true;
    }
  }
  return changes;
}

int64_t peak_bytes(const Typed& typed, std::vector<int64_t> workspace) {
  const Graph& g = typed.graph;
  MemoryPlanInput input;
  input.graph = &g;
  input.external.assign(static_cast<size_t>(g.num_entries()), false);
  input.workspace = std::move(workspace);
  input.workspace.resize(static_cast<size_t>(g.num_nodes()), 0);
  std::vector<bool> used(static_cast<size_t>(g.num_entries()), false);
  for (int id = 0; id < g.num_nodes(); ++id) {
    const bool outside = g.node(id)->is_variable() || g.node(id)->derived;
    for (int i = 0; outside && i < g.num_outputs(id); ++i) input.external[static_cast<size_t>(g.entry(id, i))] = true;
    for (const Entry& e : g.node(id)->inputs) used[static_cast<size_t>(g.entry(e))] = true;
  }
  for (const Entry& e : g.heads()) input.external[static_cast<size_t>(g.entry(e))] = true;
  for (int id = 0; id < g.num_nodes(); ++id) {
    for (int i = 0; i < g.num_outputs(id); ++i) {
      const int entry = g.entry(id, i);
      const OpSchema* op = g.node(id)->op;
      const bool left_out = op && op->may_leave_out(i) && !used[static_cast<size_t>(entry)];
      input.bytes.push_back(left_out ? 0 : typed.bytes(entry));
    }
  }
  return most_alive(input);
}

}  // namespace mixnet

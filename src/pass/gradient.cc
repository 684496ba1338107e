#include "pass/gradient.h"

#include "pass/body_gradient.h"

namespace mixnet {
namespace {

// Whether a node lies between what is asked for and the heads.
std::vector<bool> find_needed(const Graph& graph, const std::vector<Entry>& wrt) {
  std::vector<bool> needed(static_cast<size_t>(graph.num_nodes()), false);
  for (const Entry& e : wrt) {
    if (graph.contains(e.node.get())) needed[static_cast<size_t>(graph.id(e.node.get()))] = true;
  }
  for (int id = 0; id < graph.num_nodes(); ++id) {
    for (const Entry& e : graph.node(id)->inputs) {
      if (needed[static_cast<size_t>(graph.id(e.node.get()))]) needed[static_cast<size_t>(id)] = true;
    }
  }
  return needed;
}

// Tells what is made for which forward node.
class TellingBuilder : public PlainNodeBuilder {
 public:
  explicit TellingBuilder(const GradientMade& made) : made_(made) {}
  void set_forward(const Node* node) { forward_ = node; }
  std::vector<Entry> make(const OpSchema& op, ParamsPtr params, std::vector<Entry> inputs,
                          const std::string& name) override {
    std::vector<Entry> outputs = PlainNodeBuilder::make(op, std::move(params), std::move(inputs), name);
    if (made_ && forward_) made_(*forward_, *outputs[0].node);
    return outputs;
  }
  SubgraphGradient differentiate(const SubgraphGradientRequest& request) override { return body_gradient(request); }
  void replace(const Entry& forward, const Entry& made) override {
    made.node->origin = forward.node->origin ? forward.node->origin : forward.node;
    made.node->attributes = forward.node->attributes;
  }

 private:
  const GradientMade& made_;
  const Node* forward_ = nullptr;
};

class Differentiator {
 public:
  Differentiator(const Graph& graph, std::vector<bool> needed, const GradientMade& made)
      : graph_(graph), needed_(std::move(needed)), parts_(static_cast<size_t>(graph.num_entries())), builder_(made) {}

  void seed(const Entry& head, const Entry& grad) {
    if (grad) parts_[static_cast<size_t>(graph_.entry(head))].push_back(grad);
  }

  void run(const std::vector<bool>& is_head) {
    for (int id = graph_.num_nodes() - 1; id >= 0; --id) {
      if (needed_[static_cast<size_t>(id)] && !graph_.node(id)->is_variable())
        visit(id, is_head[static_cast<size_t>(id)]);
    }
  }

  Entry total(const Entry& e) {
    builder_.set_forward(e.node.get());
    return total(graph_.entry(e));
  }

 private:
  // The sum of all parts of an entry's gradient; null when there is none.
  Entry total(int entry) {
    std::vector<Entry>& parts = parts_[static_cast<size_t>(entry)];
    if (parts.size() > 1) {
      const OpSchema& add_n = registry().at("add_n");
      const int64_t count = static_cast<int64_t>(parts.size());
      const std::string name = parts[0].node->name + "_sum";
      parts = builder_.make(add_n, add_n.make_params({{"num_args", count}}), parts, name);
    }
    return parts.empty() ? Entry() : parts[0];
  }

  void visit(int id, bool is_head) {
    const Node& node = *graph_.node(id);
    builder_.set_forward(&node);
    std::vector<Entry> outputs, output_grads;
    bool any = node.op->head && is_head;
    for (int i = 0; i < graph_.num_outputs(id); ++i) {
      outputs.push_back({graph_.node(id), i});
      output_grads.push_back(total(graph_.entry(id, i)));
      any = any || output_grads.back();
    }
    if (!any || node.op->zero_gradient) return;
    MIXNET_CHECK(node.op->gradient, unsupported, "[", node.place(), "] has no gradient: ", node.op->no_gradient);
    std::vector<bool> wanted;
    for (const Entry& e : node.inputs) wanted.push_back(needed_[static_cast<size_t>(graph_.id(e.node.get()))]);
    GradientContext context(builder_, *node.op, node.params, node.name, node.inputs, outputs, output_grads, wanted);
    node.op->gradient(context);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const Entry& grad = context.result()[i];
      if (grad && wanted[i]) parts_[static_cast<size_t>(graph_.entry(node.inputs[i]))].push_back(grad);
    }
  }

  const Graph& graph_;
  std::vector<bool> needed_;
  std::vector<std::vector<Entry>> parts_;  // by entry
  TellingBuilder builder_;
};

}  // namespace

std::vector<Entry> gradient(const std::vector<Entry>& heads, const std::vector<Entry>& head_grads,
                            const std::vector<Entry>& wrt, const GradientMade& made) {
  MIXNET_CHECK(heads.size() == head_grads.size(), internal, "[gradient] one head gradient per head");
  const Graph graph(heads);
  Differentiator differentiator(graph, find_needed(graph, wrt), made);
  std::vector<bool> is_head(static_cast<size_t>(graph.num_nodes()), false);
  for (size_t i = 0; i < heads.size(); ++i) {
    is_head[static_cast<size_t>(graph.id(heads[i].node.get()))] = true;
    differentiator.seed(heads[i], head_grads[i]);
  }
  differentiator.run(is_head);
  std::vector<Entry> result;
  for (const Entry& e : wrt) {
    result.push_back(graph.contains(e.node.get()) ? differentiator.total(e) : Entry());
  }
  return result;
}

}  // namespace mixnet

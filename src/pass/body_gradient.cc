#include "pass/body_gradient.h"

#include <unordered_set>

#include "pass/gradient.h"
#include "pass/rewriter.h"
#include "symbol/body.h"

namespace mixnet {
namespace {

Entry make(const char* op_name, std::vector<Entry> inputs, const std::string& name) {
  const OpSchema& op = registry().at(op_name);
  const Attributes count = op.variadic.empty() ? Attributes() : Attributes{{op.variadic, int64_t(inputs.size())}};
  return PlainNodeBuilder().make(op, op.make_params(count), std::move(inputs), name)[0];
}

class BodyDifferentiator {
 public:
  explicit BodyDifferentiator(const SubgraphGradientRequest& request)
      : request_(request), body_(body_of(*request.graph)), wanted_(request.wanted), given_(request.given) {
    find_states();
  }

  SubgraphGradient run() {
    make_gradients();
    separate();
    SubgraphGradient result;
    result.kept = static_cast<int>(kept_.size());
    result.given = given_;
    result.reads = reads_;
    result.gradients = gradients_;
    std::vector<Entry> heads = body_.graph().heads();
    for (const Entry& e : kept_) heads.push_back(e);
    result.extended = kept_.empty() ? request_.graph : std::make_shared<GraphBody>(body_.inputs(), heads);
    std::vector<NodePtr> inputs = seeds_;
    for (int i : reads_) inputs.push_back(stand_ins_.at({body_.inputs()[static_cast<size_t>(i)].get(), 0}));
    for (const Entry& e : kept_) inputs.push_back(stand_ins_.at({e.node.get(), e.index}));
    inputs.insert(inputs.end(), sums_.begin(), sums_.end());
    result.backward = std::make_shared<GraphBody>(std::move(inputs), std::move(backward_));
    return result;
  }

 private:
  using Key = std::pair<const Node*, int>;

  // States that depend on what is wanted have gradients too, as far as that goes.
  void find_states() {
    for (bool more = true; more;) {
      more = false;
      const std::vector<bool> depends = find_dependent();
      for (size_t o = 0; o < request_.feeds.size(); ++o) {
        const int state = request_.feeds[o];
        if (state < 0 || wanted_[static_cast<size_t>(state)] || !depends[o]) continue;
        wanted_[static_cast<size_t>(state)] = true;
        more = true;
      }
    }
    for (size_t o = 0; o < request_.feeds.size(); ++o) {
      if (request_.feeds[o] >= 0) given_[o] = wanted_[static_cast<size_t>(request_.feeds[o])];
    }
  }

  // By output: whether it depends on an input whose gradient is wanted.
  std::vector<bool> find_dependent() const {
    const Graph& graph = body_.graph();
    std::vector<bool> depends(static_cast<size_t>(graph.num_nodes()), false), outputs;
    for (size_t i = 0; i < wanted_.size(); ++i) {
      const Node* input = body_.inputs()[i].get();
      if (wanted_[i] && graph.contains(input)) depends[static_cast<size_t>(graph.id(input))] = true;
    }
    for (int id = 0; id < graph.num_nodes(); ++id) {
      for (const Entry& e : graph.node(id)->inputs) {
        if (depends[static_cast<size_t>(graph.id(e.node.get()))]) depends[static_cast<size_t>(id)] = true;
      }
    }
    for (const Entry& e : graph.heads()) outputs.push_back(depends[static_cast<size_t>(graph.id(e.node.get()))]);
    return outputs;
  }

  // backward_: gradients as entries of the graph of both parts.
  void make_gradients() {
    const std::vector<Entry>& heads = body_.graph().heads();
    std::vector<Entry> head_grads, wrt;
    for (size_t i = 0; i < heads.size(); ++i) {
      head_grads.emplace_back();
      if (!given_[i]) continue;
      seeds_.push_back(make_variable("grad" + std::to_string(i)));
      const bool loss = !heads[i].node->is_variable() && heads[i].node->op->head;
      if (!loss) head_grads.back() = {seeds_.back(), 0};
    }
    for (int i : request_.order) {
      if (wanted_[static_cast<size_t>(i)]) wrt.push_back({body_.inputs()[static_cast<size_t>(i)], 0});
    }
    const std::vector<Entry> grads = gradient(heads, head_grads, wrt);
    size_t next = 0;
    for (int i : request_.order) {
      if (wanted_[static_cast<size_t>(i)]) add(i, grads[next++]);
    }
  }

  void add(int input, Entry grad) {
    const SubgraphInput role = request_.inputs[static_cast<size_t>(input)];
    const NodePtr& variable = body_.inputs()[static_cast<size_t>(input)];
    if (!grad && role != SubgraphInput::state) return;
    if (!grad) grad = make("zeros_like", {{variable, 0}}, variable->name + "_grad");
    if (role == SubgraphInput::shared) {
      sums_.push_back(make_variable(variable->name + "_sum"));
      grad = make("elemwise_add", {{sums_.back(), 0}, grad}, variable->name + "_grad");
    }
    gradients_.push_back(input);
    backward_.push_back(grad);
  }

  // Whether backward can make the value itself.
  static bool constant(const Node& node) { return !node.is_variable() && node.inputs.empty() && !node.op->random; }

  // Takes the backward part out of the graph: what it reads of the forward part becomes variables.
  void separate() {
    const Graph graph(backward_);
    find_constants(graph);
    for (int id = 0; id < graph.num_nodes(); ++id) {
      if (!is_forward(*graph.node(id))) need(graph.node(id)->inputs);
    }
    need(backward_);
    Rewriter rewriter(graph);
    for (int id = 0; id < graph.num_nodes(); ++id) {
      const NodePtr& node = graph.node(id);
      if (!is_forward(*node)) {
        rewriter.keep(id);
        continue;
      }
      for (int i = 0; i < graph.num_outputs(id); ++i) {
        const auto found = stand_ins_.find({node.get(), i});
        rewriter.replace(id, i, found == stand_ins_.end() ? Entry{node, i} : Entry{found->second, 0});
      }
    }
    backward_ = rewriter.heads();
  }

  bool is_forward(const Node& node) const { return body_.graph().contains(&node) && !constants_.count(&node); }

  void find_constants(const Graph& graph) {
    for (int id = 0; id < graph.num_nodes(); ++id) {
      if (constant(*graph.node(id))) constants_.insert(graph.node(id).get());
    }
  }

  void need(const std::vector<Entry>& entries) {
    for (const Entry& e : entries) {
      const bool input = e.node->is_variable() && number(e.node.get()) >= 0;
      if ((!input && !is_forward(*e.node)) || stand_ins_.count({e.node.get(), e.index})) continue;
      stand_ins_[{e.node.get(), e.index}] = make_variable(entry_name_of(e));
      const int i = input ? number(e.node.get()) : -1;
      if (i >= 0 && request_.inputs[static_cast<size_t>(i)] != SubgraphInput::state) reads_.push_back(i);
      else kept_.push_back(e);
    }
  }

  int number(const Node* node) const {
    for (size_t i = 0; i < body_.inputs().size(); ++i) {
      if (body_.inputs()[i].get() == node) return static_cast<int>(i);
    }
    return -1;
  }

  static std::string entry_name_of(const Entry& e) { return e.node->name + "_" + std::to_string(e.index); }

  const SubgraphGradientRequest& request_;
  const GraphBody& body_;
  std::vector<bool> wanted_, given_;  // with the states
  std::vector<NodePtr> seeds_, sums_;
  std::vector<Entry> backward_, kept_;
  std::vector<int> reads_, gradients_;
  std::map<Key, NodePtr> stand_ins_;
  std::unordered_set<const Node*> constants_;
};

}  // namespace

SubgraphGradient body_gradient(const SubgraphGradientRequest& request) { return BodyDifferentiator(request).run(); }

}  // namespace mixnet

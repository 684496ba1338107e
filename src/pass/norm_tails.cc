#include "pass/norm_tails.h"

#include <algorithm>

#include "pass/rewriter.h"

namespace mixnet {
namespace {

bool is_a(const Node& node, const char* op) { return !node.is_variable() && node.op->name == op && !node.recomputed; }
bool of_relu(const Node& node) { return node.op->field("act_type")->get(node.params.get()).as_text() == "relu"; }

class Joiner {
 public:
  explicit Joiner(const Typed& typed)
      : typed_(typed),
        g_(typed.graph),
        readers_(static_cast<size_t>(g_.num_entries())),
        norm_of_(static_cast<size_t>(g_.num_nodes()), none),
        skipped_(static_cast<size_t>(g_.num_nodes())),
        new_(g_) {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      for (const Entry& e : g_.node(id)->inputs) readers_[static_cast<size_t>(g_.entry(e))].push_back(id);
    }
    for (const Entry& e : g_.heads()) readers_[static_cast<size_t>(g_.entry(e))].push_back(g_.num_nodes());
  }

  std::vector<Entry> run() {
    for (int id = 0; id < g_.num_nodes(); ++id) find_norm(id);
    for (int id = 0; id < g_.num_nodes(); ++id) find_gradient(id);
    for (int id = 0; id < g_.num_nodes(); ++id) {
      if (skipped_[static_cast<size_t>(id)]) continue;
      const int norm = norm_of_[static_cast<size_t>(id)];
      if (norm == none) new_.keep(id);
      else if (is_a(*g_.node(id), "Activation")) make_norm(id, norm);
      else make_gradient(id, norm);
    }
    return new_.heads();
  }

 private:
  static constexpr int none = -1;

  int id_of(const Entry& e) const { return g_.id(e.node.get()); }
  bool read_by(const Entry& e, int id) const {
    return readers_[static_cast<size_t>(g_.entry(e))] == std::vector<int>{id};
  }
  bool read_behind(const Entry& e, int id) const {
    const auto& all = readers_[static_cast<size_t>(g_.entry(e))];
    return std::all_of(all.begin(), all.end(), [&](int reader) { return reader > id; });
  }
  bool alike(const Entry& a, const Entry& b) const {
    const size_t x = static_cast<size_t>(g_.entry(a)), y = static_cast<size_t>(g_.entry(b));
    return typed_.shapes[x] == typed_.shapes[y] && typed_.types[x] == typed_.types[y];
  }

  // Whether `e` is what a BatchNorm gives to `reader`, and to nobody else, before the relu at `id`.
  bool is_norm(const Entry& e, int reader, int id) const {
    return e.index == 0 && is_a(*e.node, "BatchNorm") && read_by(e, reader) && read_behind({e.node, 1}, id) &&
           read_behind({e.node, 2}, id);
  }
  // Which input of a sum it is; none: neither.
  int norm_in(const Node& sum, int at, int id) const {
    for (size_t i = sum.inputs.size(); i-- > 0;) {
      if (is_norm(sum.inputs[i], at, id) && !skipped_[static_cast<size_t>(id_of(sum.inputs[i]))])
        return static_cast<int>(i);
    }
    return none;
  }

  void find_norm(int id) {
    const Node& relu = *g_.node(id);
    if (!is_a(relu, "Activation") || !of_relu(relu)) return;
    const Entry& before = relu.inputs[0];
    int norm = none;
    if (is_norm(before, id, id)) {
      norm = id_of(before);
    } else if (is_a(*before.node, "elemwise_add") && read_by(before, id) &&
               alike(before.node->inputs[0], before.node->inputs[1])) {
      const int sum = id_of(before), i = norm_in(*before.node, sum, id);
      if (i == none) return;
      norm = id_of(before.node->inputs[static_cast<size_t>(i)]);
      skipped_[static_cast<size_t>(sum)] = true;
    }
    if (norm == none) return;
    norm_of_[static_cast<size_t>(id)] = norm;
    skipped_[static_cast<size_t>(norm)] = true;
  }

  // A gradient of a BatchNorm that was joined with its relu alone, which reads relu's.
  void find_gradient(int id) {
    const Node& node = *g_.node(id);
    if (!is_a(node, "_backward_BatchNorm")) return;
    const Entry& dy = node.inputs[0];
    if (!is_a(*dy.node, "_backward_Activation") || !of_relu(*dy.node) || !read_by(dy, id)) return;
    const Entry& z = dy.node->inputs[1];
    const int norm = id_of(node.inputs[3]);
    if (norm_of_[static_cast<size_t>(id_of(z))] != norm || id_of(z.node->inputs[0]) != norm) return;
    if (g_.entry(node.inputs[1]) != g_.entry(g_.node(norm)->inputs[0])) return;
    norm_of_[static_cast<size_t>(id)] = norm;
    skipped_[static_cast<size_t>(id_of(dy))] = true;
  }

  NodePtr make(const char* op, int like, int other) {
    auto node = std::make_shared<Node>();
    node->op = &registry().at(op);
    node->params = g_.node(like)->params;
    node->name = g_.node(like)->name + "+" + g_.node(other)->name;
    return node;
  }

  void make_norm(int relu, int norm) {
    const Entry& before = g_.node(relu)->inputs[0];
    const bool sum = id_of(before) != norm;
    const NodePtr node = make(sum ? "_batch_norm_add_relu" : "_contrib_BatchNormWithReLU", norm, relu);
    node->inputs = new_.inputs(norm);
    if (sum) {
      const std::vector<Entry>& parts = before.node->inputs;
      node->inputs.push_back(new_.now(parts[id_of(parts[0]) == norm ? 1 : 0]));
    }
    new_.replace(relu, 0, {node, 0});
    new_.replace(norm, 1, {node, 1});
    new_.replace(norm, 2, {node, 2});
  }

  void make_gradient(int id, int norm) {
    const Entry& dy = g_.node(id)->inputs[0];
    const NodePtr node = make("_backward_batch_norm_relu", id, id_of(dy));
    node->inputs.push_back(new_.now(dy.node->inputs[0]));
    for (size_t i = 1; i < g_.node(id)->inputs.size(); ++i) node->inputs.push_back(new_.now(g_.node(id)->inputs[i]));
    node->inputs.push_back(new_.now(g_.node(norm)->inputs[2]));
    for (int o = 0; o < g_.num_outputs(id); ++o) new_.replace(id, o, {node, o});
  }

  const Typed& typed_;
  const Graph& g_;
  std::vector<std::vector<int>> readers_;  // by entry; the number of nodes: a head
  std::vector<int> norm_of_;               // by relu, and by gradient: the BatchNorm that is joined with it
  std::vector<bool> skipped_;              // by node: part of another one
  Rewriter new_;
};

}  // namespace

std::vector<Entry> join_norm_tails(const Typed& typed) { return Joiner(typed).run(); }

}  // namespace mixnet

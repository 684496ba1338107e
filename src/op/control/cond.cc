// _cond: a subgraph decides which of two others runs. The other one does not run.
//
// The gradient is another _cond, decided already, of the gradients of both branches; what the branch that did not run would have kept is zero.
#include <algorithm>

#include "op/control/run.h"

namespace mixnet::op::cond {
namespace {

using control::aligned;

// Outputs: by output of the node, the branch's output, or -1 where it gives zeros.
struct Branch {
  SubgraphPtr graph;
  Places inputs;
  std::vector<int> outputs;
};

struct Params {
  int64_t num_args = 3, num_outputs = 1;
  Places cond_input_locs, then_input_locs, else_input_locs;
  SubgraphPtr cond, then_branch, else_branch;
  // The rest is of nodes that gradients make. `decided`: no cond, input 0 says it. An extended one has the decision as its last output.
  bool extends = false, decided = false;
  std::vector<int> then_outputs, else_outputs;  // empty: all in order
  int64_t kept = 0;

  int num_inputs() const { return static_cast<int>(num_args) - 3; }
  int num_branch_outputs() const { return static_cast<int>(num_outputs + kept); }
  Branch branch(bool taken) const {
    Branch b{taken ? then_branch : else_branch, taken ? then_input_locs : else_input_locs,
             taken ? then_outputs : else_outputs};
    const bool in_order = b.outputs.empty();
    for (int o = 0; in_order && o < num_outputs; ++o) b.outputs.push_back(o);
    return b;
  }
};

void check_places(const Places& places, const Subgraph& graph, const char* name, int limit) {
  MIXNET_CHECK(static_cast<int>(places.size()) == graph.num_inputs(), invalid, name, ": expected ", graph.num_inputs(),
               " places, got ", places.size());
  std::vector<bool> taken(static_cast<size_t>(limit), false);
  for (int64_t place : places) {
    MIXNET_CHECK(place < limit, invalid, name, ": expected places below ", limit, ", got ", place);
    MIXNET_CHECK(!taken[static_cast<size_t>(place)], invalid, name, ": expected every place once, got ", place,
                 " twice");
    taken[static_cast<size_t>(place)] = true;
  }
}

void check(const Params& p) {
  MIXNET_CHECK(p.cond && p.then_branch && p.else_branch, invalid, "cond, then, else: expected subgraphs");
  MIXNET_CHECK(p.num_args >= 3, invalid, "num_args: expected at least 3, got ", p.num_args);
  check_places(p.cond_input_locs, *p.cond, "cond_input_locs", p.num_inputs());
  check_places(p.then_input_locs, *p.then_branch, "then_input_locs", p.num_inputs());
  check_places(p.else_input_locs, *p.else_branch, "else_input_locs", p.num_inputs());
  MIXNET_CHECK(p.cond->num_outputs() == 1, invalid, "cond: expected one output, got ", p.cond->num_outputs());
  for (const SubgraphPtr& branch : {p.then_branch, p.else_branch}) {
    MIXNET_CHECK(branch->num_outputs() == p.num_outputs, invalid,
                 "num_outputs: expected the outputs of both branches, ", p.then_branch->num_outputs(), " and ",
                 p.else_branch->num_outputs(), ", got ", p.num_outputs);
  }
}

bool any_input(const Params& p, int input, bool (Subgraph::*says)(int) const) {
  const auto in = [&](const SubgraphPtr& graph, const Places& places) {
    for (size_t i = 0; graph && i < places.size(); ++i) {
      if (places[i] == input && (graph.get()->*says)(static_cast<int>(i))) return true;
    }
    return false;
  };
  return in(p.cond, p.cond_input_locs) || in(p.then_branch, p.then_input_locs) || in(p.else_branch, p.else_input_locs);
}

// Of a subgraph's inputs or outputs, what the node has.
template <class T, class I>
std::vector<T> gather(const std::vector<T>& node, const std::vector<I>& places) {
  std::vector<T> inner;
  for (I place : places) inner.push_back(node[static_cast<size_t>(place)]);
  return inner;
}

// infer(graph, in, out) in one branch; what it finds goes into the node with set_in and set_out.
template <class Context, class T, class Infer>
void infer_branch(Context& c, const Branch& b, T unknown, Infer infer) {
  std::vector<T> in = gather(c.in, b.inputs), out(static_cast<size_t>(b.graph->num_outputs()), unknown);
  for (size_t o = 0; o < b.outputs.size(); ++o) {
    if (b.outputs[o] >= 0) out[static_cast<size_t>(b.outputs[o])] = c.out[o];
  }
  infer(*b.graph, in, out);
  for (size_t i = 0; i < in.size(); ++i) c.set_in(static_cast<int>(b.inputs[i]), in[i]);
  for (size_t o = 0; o < b.outputs.size(); ++o) {
    if (b.outputs[o] >= 0) c.set_out(static_cast<int>(o), out[static_cast<size_t>(b.outputs[o])]);
  }
}

void infer_shape(InferShape& c) {
  const Params& p = c.params<Params>();
  control::required(p.then_branch, c);
  const auto infer = [&](const Subgraph& graph, std::vector<Shape>& in, std::vector<Shape>& out) {
    c.subgraphs->shapes(graph, in, out, c.last);
  };
  std::vector<Shape> decision{Shape::unknown()};
  if (p.decided) {
    c.set_in(0, {1});
  } else {
    std::vector<Shape> in = gather(c.in, p.cond_input_locs);
    infer(*p.cond, in, decision);
    for (size_t i = 0; i < in.size(); ++i) c.set_in(static_cast<int>(p.cond_input_locs[i]), in[i]);
  }
  if (decision[0].known() && decision[0].size() != 1)
    c.fail(Code::shape, concat("cond: expected one element, got ", decision[0]));
  for (const bool taken : {true, false, true}) infer_branch(c, p.branch(taken), Shape::unknown(), infer);
  if (p.extends) c.set_out(p.num_branch_outputs(), {1});
}

void infer_type(InferType& c) {
  const Params& p = c.params<Params>();
  control::required(p.then_branch, c);
  const auto infer = [&](const Subgraph& graph, std::vector<DType>& in, std::vector<DType>& out) {
    c.subgraphs->types(graph, in, out);
  };
  if (p.decided) {
    c.set_in(0, DType::i64);
  } else {
    std::vector<DType> in = gather(c.in, p.cond_input_locs), out{DType::unknown};
    infer(*p.cond, in, out);
    for (size_t i = 0; i < in.size(); ++i) c.set_in(static_cast<int>(p.cond_input_locs[i]), in[i]);
  }
  for (const bool taken : {true, false, true}) infer_branch(c, p.branch(taken), DType::unknown, infer);
  if (p.extends) c.set_out(p.num_branch_outputs(), DType::i64);
}

class Choice : public Kernel {
 public:
  explicit Choice(const PrepareContext& c) : params_(c.params<Params>()) {
    const Params& p = params_;
    const std::vector<TensorView> outer(c.inputs.begin(), c.inputs.end());
    if (!p.decided) make_cond(c, gather(outer, p.cond_input_locs));
    for (const bool taken : {false, true}) {
      const Branch b = branches_[taken] = p.branch(taken);
      std::vector<TensorView> out(static_cast<size_t>(b.graph->num_outputs()));
      const auto wanted = std::make_unique<bool[]>(out.size() + 1);
      std::fill_n(wanted.get(), out.size(), false);
      for (size_t o = 0; o < b.outputs.size(); ++o) {
        if (b.outputs[o] < 0) continue;
        out[static_cast<size_t>(b.outputs[o])] = c.outputs[o];
        wanted[static_cast<size_t>(b.outputs[o])] = c.wanted[o];
      }
      runners_[taken] =
          c.subgraphs->make(b.graph, gather(outer, b.inputs), out, {wanted.get(), out.size()}, c.device, c.training);
      workspace_ = std::max(workspace_, runners_[taken]->workspace());
    }
    decision_at_ = aligned(workspace_);
    workspace_ = decision_at_ + aligned(static_cast<size_t>(decision_.bytes()));
  }

  size_t workspace() const override { return workspace_; }
  bool foreign_threads() const override {
    return (cond_ && cond_->foreign_threads()) || runners_[0]->foreign_threads() || runners_[1]->foreign_threads();
  }

  void run(const RunContext& r) const override {
    const bool taken = decide(r);
    const Branch& b = branches_[taken];
    std::vector<void*> node, out(static_cast<size_t>(b.graph->num_outputs()), nullptr);
    for (const TensorView& v : r.in) node.push_back(v.data);
    for (size_t o = 0; o < static_cast<size_t>(params_.num_branch_outputs()); ++o) {
      const int inner = o < b.outputs.size() ? b.outputs[o] : -1;
      if (inner < 0) control::set_zero(r, r.out[o]);
      else out[static_cast<size_t>(inner)] = r.out[o].data;
    }
    runners_[taken]->run(gather(node, b.inputs), out, r.context.workspace, control::run_key(r.context.random, 1));
    const size_t last = static_cast<size_t>(params_.num_branch_outputs());
    if (params_.extends) control::write_count(r, r.out[last], taken);
  }

 private:
  void make_cond(const PrepareContext& c, const std::vector<TensorView>& in) {
    std::vector<Shape> shapes, shape{Shape::unknown()};
    std::vector<DType> types, type{DType::unknown};
    for (const TensorView& v : in) {
      shapes.push_back(v.shape);
      types.push_back(v.dtype);
    }
    c.inference->shapes(*params_.cond, shapes, shape, true);
    c.inference->types(*params_.cond, types, type);
    MIXNET_CHECK(shape[0].known() && shape[0].size() == 1, shape, "[_cond] cond: expected one element, got ", shape[0]);
    decision_.shape = shape[0];
    decision_.dtype = type[0] == DType::unknown ? DType::f32 : type[0];
    decision_.device = c.device;
    const bool always = true;
    cond_ = c.subgraphs->make(params_.cond, in, {&decision_, 1}, {&always, 1}, c.device, c.training);
    workspace_ = cond_->workspace();
  }

  bool decide(const RunContext& r) const {
    if (params_.decided) return control::read_count(r, r.in[0]) != 0;
    std::vector<void*> node;
    for (const TensorView& v : r.in) node.push_back(v.data);
    TensorView decision = decision_;
    decision.data = static_cast<char*>(r.context.workspace) + decision_at_;
    void* const to[] = {decision.data};
    cond_->run(gather(node, params_.cond_input_locs), to, r.context.workspace, control::run_key(r.context.random, 0));
    return control::is_true(r, decision);
  }

  const Params params_;
  Branch branches_[2];
  std::unique_ptr<SubgraphRunner> cond_, runners_[2];
  TensorView decision_;
  size_t decision_at_ = 0, workspace_ = 0;
};

std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<Choice>(c); }

//[full
SubgraphGradient differentiate(GradientContext& g, const Params& p, bool taken) {
  const Branch b = p.branch(taken);
  const size_t outputs = static_cast<size_t>(b.graph->num_outputs());
  SubgraphGradientRequest request;
  request.graph = b.graph;
  request.inputs.assign(b.inputs.size(), SubgraphInput::given);
  request.feeds.assign(outputs, -1);
  request.given.assign(outputs, false);
  for (size_t i = 0; i < b.inputs.size(); ++i) {
    request.wanted.push_back(g.wants(static_cast<int>(b.inputs[i])));
    request.order.push_back(static_cast<int>(i));
  }
  for (size_t o = 0; o < b.outputs.size(); ++o) {
    if (b.outputs[o] >= 0) request.given[static_cast<size_t>(b.outputs[o])] = g.has_output_grad(static_cast<int>(o));
  }
  return g.differentiate(request);
}

// The gradients of both branches in one node.
class Backward {
 public:
  explicit Backward(GradientContext& g) : g_(g), forward_(g.params<Params>()) {
    made_[0] = differentiate(g, forward_, false);
    made_[1] = differentiate(g, forward_, true);
  }

  void run() {
    if (made_[0].gradients.empty() && made_[1].gradients.empty()) return;
    const std::vector<Entry> kept = extend();
    auto p = std::make_shared<Params>();
    p->decided = true;
    inputs_ = {kept.back()};
    p->then_branch = made_[1].backward;
    p->else_branch = made_[0].backward;
    const size_t before = static_cast<size_t>(forward_.num_branch_outputs());
    p->then_input_locs = places(true, kept, before);
    p->else_input_locs = places(false, kept, before + static_cast<size_t>(made_[1].kept));
    find_outputs(*p);
    p->num_outputs = static_cast<int64_t>(targets_.size());
    p->num_args = static_cast<int64_t>(inputs_.size()) + 3;
    const std::vector<Entry> grads = g_.make_with("_cond", p, inputs_);
    for (size_t i = 0; i < targets_.size(); ++i) g_.set(targets_[i], grads[i]);
  }

 private:
  // The forward node with what both branches keep, and its decision: all outputs.
  std::vector<Entry> extend() {
    auto p = std::make_shared<Params>(forward_);
    p->extends = true;
    for (const bool taken : {true, false}) {
      const Branch b = forward_.branch(taken);
      std::vector<int>& outputs = taken ? p->then_outputs : p->else_outputs;
      outputs = b.outputs;
      outputs.resize(static_cast<size_t>(forward_.num_branch_outputs()), -1);
      if (!taken) outputs.insert(outputs.end(), static_cast<size_t>(made_[1].kept), -1);
      for (int i = 0; i < made_[taken].kept; ++i) outputs.push_back(b.graph->num_outputs() + i);
      if (taken) outputs.insert(outputs.end(), static_cast<size_t>(made_[0].kept), -1);
      (taken ? p->then_branch : p->else_branch) = made_[taken].extended;
    }
    p->kept += made_[0].kept + made_[1].kept;
    return g_.make_extended(p);
  }

  Places places(bool taken, const std::vector<Entry>& outputs, size_t first_kept) {
    const Branch b = forward_.branch(taken);
    const SubgraphGradient& made = made_[taken];
    Places places;
    for (size_t inner = 0; inner < made.given.size(); ++inner) {
      if (!made.given[inner]) continue;
      const auto outer = std::find(b.outputs.begin(), b.outputs.end(), static_cast<int>(inner)) - b.outputs.begin();
      places.push_back(place(g_.output_grad(static_cast<int>(outer))));
    }
    for (int read : made.reads)
      places.push_back(place(g_.input(static_cast<int>(b.inputs[static_cast<size_t>(read)]))));
    for (int i = 0; i < made.kept; ++i) places.push_back(place(outputs[first_kept + static_cast<size_t>(i)]));
    return places;
  }

  // Where a value is among the inputs of the new node; each is there once.
  int64_t place(const Entry& e) {
    const auto found = std::find(inputs_.begin() + 1, inputs_.end(), e);
    const int64_t at = found - inputs_.begin();
    if (found == inputs_.end()) inputs_.push_back(e);
    return at;
  }

  void find_outputs(Params& p) {
    for (const bool taken : {true, false}) {
      const Branch b = forward_.branch(taken);
      for (int i : made_[taken].gradients) {
        const int target = static_cast<int>(b.inputs[static_cast<size_t>(i)]);
        if (std::find(targets_.begin(), targets_.end(), target) == targets_.end()) targets_.push_back(target);
      }
    }
    for (const bool taken : {true, false}) {
      const Branch b = forward_.branch(taken);
      std::vector<int>& outputs = taken ? p.then_outputs : p.else_outputs;
      outputs.assign(targets_.size(), -1);
      const std::vector<int>& made = made_[taken].gradients;
      for (size_t i = 0; i < made.size(); ++i) {
        const int target = static_cast<int>(b.inputs[static_cast<size_t>(made[i])]);
        outputs[static_cast<size_t>(std::find(targets_.begin(), targets_.end(), target) - targets_.begin())] =
            static_cast<int>(i);
      }
    }
  }

  GradientContext& g_;
  const Params& forward_;
  SubgraphGradient made_[2];  // by whether the branch is `then`
  std::vector<Entry> inputs_;
  std::vector<int> targets_;  // inputs of the forward node that get a gradient
};

void gradient(GradientContext& g) {
  if (g.params<Params>().then_branch) Backward(g).run();
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_cond");
  op.param("num_args", &Params::num_args).required().range(3, max_parts).doc("3 and the number of inputs.");
  op.param("num_outputs", &Params::num_outputs).required().range(1, max_parts).doc("Outputs of both branches.");
  op.param("cond_input_locs", &Params::cond_input_locs).required().doc("Which inputs the condition takes.");
  op.param("then_input_locs", &Params::then_input_locs).required().doc("Which inputs the first branch takes.");
  op.param("else_input_locs", &Params::else_input_locs).required().doc("Which inputs the second branch takes.");
  op.subgraphs(
      {&Params::cond, &Params::then_branch, &Params::else_branch}, check,
      [](const Params& p, int i) { return any_input(p, i, &Subgraph::mutates); },
      [](const Params& p, int i) { return any_input(p, i, &Subgraph::holds_state); });
  op.hidden().input("data").input_names([](const Params& p) { return control::input_names(p.num_inputs()); });
  op.output_names(
      [](const Params& p) { return control::output_names(p.num_outputs, p.kept, p.extends ? "taken" : nullptr); });
  op.visible_outputs([](const Params& p) { return static_cast<int>(p.num_outputs); });
  op.infer_shape(infer_shape).infer_type(infer_type).prepare(prepare);
  op.random().uses_training().optional_outputs();
  registry.existing("_cond").gpu_kernels.push_back(prepare);
  //[full
  op.doc("Runs one of two subgraphs. Made by mx.sym.contrib.cond.");
  op.gradient(gradient);
  //]
}

}  // namespace mixnet::op::cond

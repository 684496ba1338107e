// _while_loop: runs a subgraph while another one says so, at most max_iterations times. Rows of outputs beyond the last run are zero.
//
// The gradient is a _foreach from the last run to the first, over as many rows as there were runs.
#include <algorithm>

#include "op/control/run.h"
//[full
#include "op/control/gradient_node.h"
//]

namespace mixnet::op::while_loop {
namespace {

using control::aligned;
using control::row_at;
using control::row_of;
using control::with_rows;

struct Params {
  int64_t num_args = 2, num_outputs = 1, num_out_data = 0, max_iterations = 1;
  Places cond_input_locs, func_input_locs, func_var_locs;
  SubgraphPtr cond, func;
  // The rest is of nodes that gradients make. An extended one has as its last output how many runs there were.
  bool extends = false;
  int64_t kept = 0;

  int num_inputs() const { return static_cast<int>(num_args) - 2; }
  int num_states() const { return static_cast<int>(func_var_locs.size()); }
  bool makes_state(int output) const { return output >= num_out_data && output < num_outputs; }
  int num_func_outputs() const { return static_cast<int>(num_outputs + kept); }
  int func_input(int i) const { return static_cast<int>(func_input_locs[static_cast<size_t>(i)]); }
  int cond_input(int i) const { return static_cast<int>(cond_input_locs[static_cast<size_t>(i)]); }
  // The input of func, and of the node, behind a loop variable.
  int func_state(int s) const { return static_cast<int>(func_var_locs[static_cast<size_t>(s)]); }
  int node_state(int s) const { return func_input(func_state(s)); }
};

void check_places(const Places& places, int count, const char* name, int limit) {
  MIXNET_CHECK(static_cast<int>(places.size()) == count, invalid, name, ": expected ", count, " places, got ",
               places.size());
  std::vector<bool> taken(static_cast<size_t>(limit), false);
  for (int64_t place : places) {
    MIXNET_CHECK(place < limit, invalid, name, ": expected places below ", limit, ", got ", place);
    MIXNET_CHECK(!taken[static_cast<size_t>(place)], invalid, name, ": expected every place once, got ", place,
                 " twice");
    taken[static_cast<size_t>(place)] = true;
  }
}

void check(const Params& p) {
  MIXNET_CHECK(p.cond && p.func, invalid, "cond, func: expected subgraphs");
  MIXNET_CHECK(p.num_args >= 2, invalid, "num_args: expected at least 2, got ", p.num_args);
  check_places(p.cond_input_locs, p.cond->num_inputs(), "cond_input_locs", p.num_inputs());
  check_places(p.func_input_locs, p.func->num_inputs(), "func_input_locs", p.num_inputs());
  MIXNET_CHECK(p.num_outputs >= p.num_out_data, invalid, "num_out_data: expected at most ", p.num_outputs, ", got ",
               p.num_out_data);
  check_places(p.func_var_locs, static_cast<int>(p.num_outputs - p.num_out_data), "func_var_locs",
               p.func->num_inputs());
  MIXNET_CHECK(p.cond->num_outputs() == 1, invalid, "cond: expected one output, got ", p.cond->num_outputs());
  MIXNET_CHECK(p.func->num_outputs() == p.num_func_outputs(), invalid, "num_outputs: expected the ",
               p.func->num_outputs(), " outputs of func, got ", p.num_outputs);
}

bool any_input(const Params& p, int input, bool (Subgraph::*says)(int) const) {
  bool found = false;
  for (size_t i = 0; p.cond && i < p.cond_input_locs.size(); ++i)
    found = found || (p.cond_input_locs[i] == input && (p.cond.get()->*says)(static_cast<int>(i)));
  for (size_t i = 0; p.func && i < p.func_input_locs.size(); ++i)
    found = found || (p.func_input_locs[i] == input && (p.func.get()->*says)(static_cast<int>(i)));
  return found;
}

// What the inputs of a subgraph are among those of the node.
template <class T>
std::vector<T> gather(const std::vector<T>& node, const Places& places) {
  std::vector<T> inner;
  for (int64_t place : places) inner.push_back(node[static_cast<size_t>(place)]);
  return inner;
}

void infer_shape(InferShape& c) {
  const Params& p = c.params<Params>();
  control::required(p.func, c);
  const size_t outputs = static_cast<size_t>(p.num_func_outputs());
  std::vector<Shape> in = gather(c.in, p.func_input_locs), out, tested = gather(c.in, p.cond_input_locs);
  const auto take_row = [&](int o) {
    const Shape& whole = c.out[static_cast<size_t>(o)];
    if (whole.ndim_known() && whole.ndim() == 0)
      c.fail(Code::shape, concat("output ", o, ": expected a first axis, got ()"));
    return row_of(whole);
  };
  for (int o = 0; o < static_cast<int>(outputs); ++o)
    out.push_back(p.makes_state(o) ? c.out[static_cast<size_t>(o)] : take_row(o));
  c.subgraphs->shapes(*p.func, in, out, c.last);
  for (int s = 0; s < p.num_states(); ++s) {
    Shape &before = in[static_cast<size_t>(p.func_state(s))], &after = out[static_cast<size_t>(p.num_out_data + s)];
    const Shape start = before;
    if (!before.merge(after))
      c.fail(Code::shape, concat("loop variable ", s, ": expected func to keep its shape ", start, ", got ", after));
    after = before;
  }
  for (size_t i = 0; i < in.size(); ++i) c.set_in(p.func_input(static_cast<int>(i)), in[i]);
  std::vector<Shape> decision{Shape::unknown()};
  c.subgraphs->shapes(*p.cond, tested, decision, c.last);
  if (decision[0].known() && decision[0].size() != 1)
    c.fail(Code::shape, concat("cond: expected one element, got ", decision[0]));
  for (size_t i = 0; i < tested.size(); ++i) c.set_in(p.cond_input(static_cast<int>(i)), tested[i]);
  for (size_t o = 0; o < outputs; ++o) {
    const bool state = p.makes_state(static_cast<int>(o));
    c.set_out(static_cast<int>(o), state ? out[o] : with_rows(p.max_iterations, out[o]));
  }
  if (p.extends) c.set_out(static_cast<int>(outputs), {1});
}

void infer_type(InferType& c) {
  const Params& p = c.params<Params>();
  control::required(p.func, c);
  std::vector<DType> in = gather(c.in, p.func_input_locs), tested = gather(c.in, p.cond_input_locs), out = c.out;
  out.resize(static_cast<size_t>(p.num_func_outputs()));
  c.subgraphs->types(*p.func, in, out);
  for (int s = 0; s < p.num_states(); ++s) {
    DType &before = in[static_cast<size_t>(p.func_state(s))], &after = out[static_cast<size_t>(p.num_out_data + s)];
    if (before == DType::unknown) before = after;
    if (after == DType::unknown) after = before;
    if (before != after)
      c.fail(Code::type, concat("loop variable ", s, ": expected func to keep its dtype ", before, ", got ", after));
  }
  for (size_t i = 0; i < in.size(); ++i) c.set_in(p.func_input(static_cast<int>(i)), in[i]);
  std::vector<DType> decision{DType::unknown};
  c.subgraphs->types(*p.cond, tested, decision);
  for (size_t i = 0; i < tested.size(); ++i) c.set_in(p.cond_input(static_cast<int>(i)), tested[i]);
  for (size_t o = 0; o < out.size(); ++o) c.set_out(static_cast<int>(o), out[o]);
  if (p.extends) c.set_out(p.num_func_outputs(), DType::i64);
}

class Loop : public Kernel {
 public:
  explicit Loop(const PrepareContext& c) : params_(c.params<Params>()) {
    const Params& p = params_;
    std::vector<TensorView> outer(c.inputs.begin(), c.inputs.end()), out;
    const std::vector<TensorView> in = gather(outer, p.func_input_locs), tested = gather(outer, p.cond_input_locs);
    const auto wanted = std::make_unique<bool[]>(c.outputs.size() + 1);
    for (int o = 0; o < p.num_func_outputs(); ++o) {
      const size_t i = static_cast<size_t>(o);
      wanted[i] = p.makes_state(o) || c.wanted[i];
      out.push_back(p.makes_state(o) ? c.outputs[i] : control::row_view(c.outputs[i]));
      out_bytes_.push_back(out.back().bytes());
    }
    const bool always = true;
    decision_ = decision_view(p, c, tested);
    cond_ = c.subgraphs->make(p.cond, tested, {&decision_, 1}, {&always, 1}, c.device, c.training);
    func_ = c.subgraphs->make(p.func, in, out, {wanted.get(), out.size()}, c.device, c.training);
    workspace_ = aligned(std::max(cond_->workspace(), func_->workspace()));
    decision_at_ = workspace_;
    workspace_ += aligned(static_cast<size_t>(decision_.bytes()));
    for (int s = 0; s < p.num_states(); ++s) {
      scratch_.push_back(workspace_);
      workspace_ += 2 * aligned(static_cast<size_t>(out_bytes_[static_cast<size_t>(p.num_out_data + s)]));
    }
  }

  size_t workspace() const override { return workspace_; }
  bool foreign_threads() const override { return cond_->foreign_threads() || func_->foreign_threads(); }

  void run(const RunContext& r) const override {
    const Params& p = params_;
    char* const workspace = static_cast<char*>(r.context.workspace);
    std::vector<void*> node, out(out_bytes_.size());
    for (const TensorView& v : r.in) node.push_back(v.data);
    TensorView decision = decision_;
    decision.data = workspace + decision_at_;
    int64_t k = 0;
    for (; k < p.max_iterations; ++k) {
      void* const to[] = {decision.data};
      // Both subgraphs of a run draw from streams of their own.
      cond_->run(gather(node, p.cond_input_locs), to, workspace, control::run_key(r.context.random, 2 * k));
      if (!control::is_true(r, decision)) break;
      for (size_t o = 0; o < out.size(); ++o) {
        out[o] =
            p.makes_state(static_cast<int>(o)) ? state_at(workspace, o, k % 2) : row_at(r.out[o], k, out_bytes_[o]);
      }
      func_->run(gather(node, p.func_input_locs), out, workspace, control::run_key(r.context.random, 2 * k + 1));
      for (int s = 0; s < p.num_states(); ++s)
        node[static_cast<size_t>(p.node_state(s))] = out[static_cast<size_t>(p.num_out_data + s)];
    }
    finish(r, node, k);
  }

 private:
  static TensorView decision_view(const Params& p, const PrepareContext& c, const std::vector<TensorView>& tested) {
    std::vector<Shape> shapes, shape{Shape::unknown()};
    std::vector<DType> types, type{DType::unknown};
    for (const TensorView& v : tested) {
      shapes.push_back(v.shape);
      types.push_back(v.dtype);
    }
    c.inference->shapes(*p.cond, shapes, shape, true);
    c.inference->types(*p.cond, types, type);
    MIXNET_CHECK(shape[0].known() && shape[0].size() == 1, shape, "[_while_loop] cond: expected one element, got ",
                 shape[0]);
    TensorView v;
    v.shape = shape[0];
    v.dtype = type[0] == DType::unknown ? DType::f32 : type[0];
    v.device = c.device;
    return v;
  }

  void* state_at(char* workspace, size_t output, bool second) const {
    const size_t bytes = aligned(static_cast<size_t>(out_bytes_[output]));
    return workspace + scratch_[output - static_cast<size_t>(params_.num_out_data)] + (second ? bytes : 0);
  }

  void finish(const RunContext& r, const std::vector<void*>& node, int64_t count) const {
    const Params& p = params_;
    for (int o = 0; o < p.num_func_outputs(); ++o) {
      const size_t i = static_cast<size_t>(o);
      if (!p.makes_state(o)) control::set_zero(r, r.out[i], count * out_bytes_[i]);
      else if (r.out[i].data)
        control::copy(r, r.out[i].data, node[static_cast<size_t>(p.node_state(o - static_cast<int>(p.num_out_data)))],
                      out_bytes_[i]);
    }
    if (p.extends) control::write_count(r, r.out[out_bytes_.size()], count);
  }

  const Params params_;
  std::vector<int64_t> out_bytes_;  // by output of func, of one run
  std::vector<size_t> scratch_;     // by loop variable, in the workspace
  TensorView decision_;
  size_t decision_at_ = 0, workspace_ = 0;
  std::unique_ptr<SubgraphRunner> cond_, func_;
};

std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<Loop>(c); }

//[full
SubgraphGradientRequest make_request(GradientContext& g, const Params& p) {
  const int inputs = p.func->num_inputs();
  SubgraphGradientRequest request;
  request.graph = p.func;
  request.inputs.assign(static_cast<size_t>(inputs), SubgraphInput::shared);
  request.feeds.assign(static_cast<size_t>(p.num_func_outputs()), -1);
  for (int s = 0; s < p.num_states(); ++s) {
    request.inputs[static_cast<size_t>(p.func_state(s))] = SubgraphInput::state;
    request.feeds[static_cast<size_t>(p.num_out_data + s)] = p.func_state(s);
    request.order.push_back(p.func_state(s));
  }
  for (int i = 0; i < inputs; ++i) {
    request.wanted.push_back(g.wants(p.func_input(i)));
    if (request.inputs[static_cast<size_t>(i)] == SubgraphInput::shared) request.order.push_back(i);
  }
  for (int o = 0; o < p.num_func_outputs(); ++o) request.given.push_back(g.has_output_grad(o));
  return request;
}

void gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  if (!p.func) return;
  const SubgraphGradient made = g.differentiate(make_request(g, p));
  if (made.gradients.empty()) return;
  auto extended = std::make_shared<Params>(p);
  extended->func = made.extended;
  extended->extends = true;
  extended->kept += made.kept;
  const std::vector<Entry> outputs = g.make_extended(extended);
  control::GradientNode node(made);
  node.params().reverse = true;
  node.params().rows = p.max_iterations;
  for (int o = 0; o < p.num_func_outputs(); ++o) {
    if (made.given[static_cast<size_t>(o)])
      p.makes_state(o) ? node.state(g.output_grad(o)) : node.data(g.output_grad(o));
  }
  for (int read : made.reads) node.shared(g.input(p.func_input(read)));
  for (int i = 0; i < made.kept; ++i) node.data(outputs[static_cast<size_t>(p.num_func_outputs() + i)]);
  const auto is_state = [&](int i) { return std::count(p.func_var_locs.begin(), p.func_var_locs.end(), i) > 0; };
  for (int i : made.gradients) {
    if (!is_state(i)) node.state(g.make("zeros_like", {g.input(p.func_input(i))}));
  }
  const std::vector<Entry> grads = node.make(g, 0, outputs.back());
  for (size_t i = 0; i < made.gradients.size(); ++i) g.set(p.func_input(made.gradients[i]), grads[i]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_while_loop");
  op.param("num_args", &Params::num_args).required().range(2, max_parts).doc("2 and the number of inputs.");
  op.param("num_outputs", &Params::num_outputs)
      .required()
      .range(0, max_parts)
      .doc("Outputs: data, then loop variables.");
  op.param("num_out_data", &Params::num_out_data).required().range(0, max_parts).doc("How many of them are data.");
  op.param("max_iterations", &Params::max_iterations).required().range(0).doc("Most runs, and rows of the outputs.");
  op.param("cond_input_locs", &Params::cond_input_locs).required().doc("Which inputs cond takes.");
  op.param("func_input_locs", &Params::func_input_locs).required().doc("Which inputs func takes.");
  op.param("func_var_locs", &Params::func_var_locs).required().doc("Which inputs of func are loop variables.");
  op.subgraphs(
      {&Params::cond, &Params::func}, check, [](const Params& p, int i) { return any_input(p, i, &Subgraph::mutates); },
      [](const Params& p, int i) { return any_input(p, i, &Subgraph::holds_state); });
  op.hidden().input("data").input_names([](const Params& p) { return control::input_names(p.num_inputs()); });
  op.output_names(
      [](const Params& p) { return control::output_names(p.num_outputs, p.kept, p.extends ? "count" : nullptr); });
  op.visible_outputs([](const Params& p) { return static_cast<int>(p.num_outputs); });
  op.infer_shape(infer_shape).infer_type(infer_type).prepare(prepare);
  op.random().uses_training().optional_outputs();
  registry.existing("_while_loop").gpu_kernels.push_back(prepare);
  //[full
  op.doc("Runs a subgraph while another one says so. Made by mx.sym.contrib.while_loop.");
  op.gradient(gradient);
  //]
}

}  // namespace mixnet::op::while_loop

// _foreach: runs a subgraph once for every row of its data, handing states from run to run.
//
// The graph is optimised and laid out once; its arena and two copies of each state are the workspace. The gradient is another _foreach
// in the other direction (docs/adr/0018-control-flow.md).
#include "op/control/foreach.h"

#include "op/control/run.h"
//[full
#include "op/control/gradient_node.h"
//]

namespace mixnet::op::foreach {
namespace {

using control::aligned;
using control::row_at;
using control::row_of;
using control::with_rows;

int num_inputs(const Params& p) { return static_cast<int>(p.num_args) - 1; }

void check(const Params& p) {
  MIXNET_CHECK(p.body, invalid, "body: expected a subgraph");
  const int inputs = p.body->num_inputs();
  MIXNET_CHECK(p.num_out_data <= p.num_outputs && p.num_outputs - p.num_out_data == p.num_states(), invalid,
               "num_outputs: expected num_out_data ", p.num_out_data, " and a state for each of ", p.num_states(),
               ", got ", p.num_outputs);
  MIXNET_CHECK(p.body->num_outputs() == p.num_outputs + p.kept, invalid, "num_outputs: expected the ",
               p.body->num_outputs(), " outputs of the body, got ", p.num_outputs);
  MIXNET_CHECK(num_inputs(p) == inputs, invalid, "num_args: expected the body and its ", inputs, " inputs, got ",
               p.num_args);
  std::vector<bool> taken(static_cast<size_t>(inputs), false);
  MIXNET_CHECK(p.num_body_inputs() == inputs, invalid, "remain_locs: expected a place for each of the body's ", inputs,
               " inputs, got ", p.num_body_inputs());
  for (int i = 0; i < inputs; ++i) {
    const int place = p.place(i);
    MIXNET_CHECK(place < inputs && !taken[static_cast<size_t>(place)], invalid,
                 "in_data_locs, in_state_locs, remain_locs: expected every input of the body once");
    taken[static_cast<size_t>(place)] = true;
  }
}

std::vector<std::string> input_names(const Params& p) {
  std::vector<std::string> names = control::input_names(num_inputs(p));
  if (p.counted) names.push_back("count");
  return names;
}

void infer_shape(InferShape& c) {
  const Params& p = c.params<Params>();
  const SubgraphPtr& body = control::required(p.body, c);
  const int inputs = num_inputs(p);
  std::vector<Shape> in(static_cast<size_t>(inputs), Shape::unknown()), out(c.out.size(), Shape::unknown());
  Shape rows{p.rows};
  const auto take_rows = [&](const Shape& whole, const std::string& name) {
    if (!whole.ndim_known()) return;
    if (whole.ndim() == 0) c.fail(Code::shape, name + ": expected a first axis to run over, got ()");
    const Shape before = rows;
    if (!rows.merge({whole[0]})) c.fail(Code::shape, concat(name, ": expected ", before[0], " rows, got ", whole[0]));
  };
  for (int i = 0; i < inputs; ++i) {
    if (p.is_data(i)) take_rows(c.in[static_cast<size_t>(i)], c.input_name(i));
    in[static_cast<size_t>(p.place(i))] =
        p.is_data(i) ? row_of(c.in[static_cast<size_t>(i)]) : c.in[static_cast<size_t>(i)];
  }
  const auto vector = [&](int i) { return p.is_data(i) && c.in[static_cast<size_t>(i)].ndim() == 1; };
  for (size_t i = 0; i < out.size(); ++i) {
    const int index = static_cast<int>(i);
    if (!p.makes_state(index)) take_rows(c.out[i], c.output_name(index));
    out[i] = p.makes_state(index) ? c.out[i] : row_of(c.out[i]);
  }
  c.subgraphs->shapes(*body, in, out, c.last);
  bool again = false;
  for (int i = 0; c.last && i < inputs; ++i) {
    Shape& row = in[static_cast<size_t>(p.place(i))];
    if (!vector(i) || row.ndim_known()) continue;
    row = {1};
    again = true;
  }
  if (again) c.subgraphs->shapes(*body, in, out, c.last);
  for (int s = 0; s < p.num_states(); ++s) {
    Shape &before = in[static_cast<size_t>(p.in_state_locs[static_cast<size_t>(s)])],
          &after = out[static_cast<size_t>(p.num_out_data + s)];
    const Shape start = before;
    if (!before.merge(after))
      c.fail(Code::shape, concat("state ", s, ": expected the body to keep its shape ", start, ", got ", after));
    after = before;
  }
  for (int i = 0; i < inputs; ++i) {
    const Shape& inner = in[static_cast<size_t>(p.place(i))];
    c.set_in(i, vector(i) ? rows : p.is_data(i) ? with_rows(rows[0], inner) : inner);
  }
  for (size_t i = 0; i < out.size(); ++i)
    c.set_out(static_cast<int>(i), p.makes_state(static_cast<int>(i)) ? out[i] : with_rows(rows[0], out[i]));
  if (p.counted) c.set_in(inputs, {1});
}

void infer_type(InferType& c) {
  const Params& p = c.params<Params>();
  const SubgraphPtr& body = control::required(p.body, c);
  const int inputs = num_inputs(p);
  std::vector<DType> in(static_cast<size_t>(inputs), DType::unknown), out = c.out;
  for (int i = 0; i < inputs; ++i) in[static_cast<size_t>(p.place(i))] = c.in[static_cast<size_t>(i)];
  c.subgraphs->types(*body, in, out);
  for (int s = 0; s < p.num_states(); ++s) {
    DType &before = in[static_cast<size_t>(p.in_state_locs[static_cast<size_t>(s)])],
          &after = out[static_cast<size_t>(p.num_out_data + s)];
    if (before == DType::unknown) before = after;
    if (after == DType::unknown) after = before;
    if (before != after)
      c.fail(Code::type, concat("state ", s, ": expected the body to keep its dtype ", before, ", got ", after));
  }
  for (int i = 0; i < inputs; ++i) c.set_in(i, in[static_cast<size_t>(p.place(i))]);
  for (size_t i = 0; i < out.size(); ++i) c.set_out(static_cast<int>(i), out[i]);
  if (p.counted) c.set_in(inputs, DType::i64);
}

class Loop : public Kernel {
 public:
  explicit Loop(const PrepareContext& c) : params_(c.params<Params>()), rows_(params_.rows) {
    const Params& p = params_;
    const std::vector<Shape> shapes = body_shapes(c);
    std::vector<TensorView> in(shapes.size()), out;
    for (int i = 0; i < num_inputs(p); ++i) {
      const TensorView& outer = c.inputs[static_cast<size_t>(i)];
      const size_t place = static_cast<size_t>(p.place(i));
      TensorView& inner = in[place];
      inner = outer;
      inner.shape = shapes[place];
      if (p.is_data(i)) rows_ = outer.shape[0];
      row_bytes_.push_back(inner.bytes());
    }
    const auto wanted = std::make_unique<bool[]>(c.outputs.size() + 1);
    for (size_t i = 0; i < c.outputs.size(); ++i) {
      const bool state = p.makes_state(static_cast<int>(i));
      wanted[i] = state || c.wanted[i];  // the next run wants a state
      out.push_back(state ? c.outputs[i] : control::row_view(c.outputs[i]));
      out_bytes_.push_back(out.back().bytes());
    }
    runner_ = c.subgraphs->make(p.body, in, out, {wanted.get(), c.outputs.size()}, c.device, c.training);
    workspace_ = aligned(runner_->workspace());
    for (int s = 0; s < p.num_states(); ++s) {
      const size_t o = static_cast<size_t>(p.num_out_data + s), bytes = aligned(static_cast<size_t>(out_bytes_[o]));
      scratch_.push_back(workspace_);
      workspace_ += c.wanted[o] ? bytes : 2 * bytes;
    }
  }

  size_t workspace() const override { return workspace_; }
  bool foreign_threads() const override { return runner_->foreign_threads(); }

  void run(const RunContext& r) const override {
    const Params& p = params_;
    const int64_t count = p.counted ? counted(r) : rows_;
    std::vector<void*> in(row_bytes_.size()), out(out_bytes_.size());
    for (int i = 0; i < num_inputs(p); ++i) in[static_cast<size_t>(p.place(i))] = r.in[static_cast<size_t>(i)].data;
    for (int64_t k = 0; k < count; ++k) {
      const int64_t row = p.reverse ? count - 1 - k : k;
      for (int i = 0; i < p.num_data(); ++i)
        in[static_cast<size_t>(p.place(i))] =
            row_at(r.in[static_cast<size_t>(i)], row, row_bytes_[static_cast<size_t>(i)]);
      for (size_t o = 0; o < out.size(); ++o) {
        out[o] = p.makes_state(static_cast<int>(o)) ? state_at(r, o, (count - 1 - k) % 2 != 0)
                                                    : row_at(r.out[o], row, out_bytes_[o]);
      }
      runner_->run(in, out, r.context.workspace, control::run_key(r.context.random, k));
      for (int s = 0; s < p.num_states(); ++s)
        in[static_cast<size_t>(p.in_state_locs[static_cast<size_t>(s)])] = out[static_cast<size_t>(p.num_out_data + s)];
    }
    finish(r, count);
  }

 private:
  // The inputs of the body: rows of vectors have the shape that the body says.
  static std::vector<Shape> body_shapes(const PrepareContext& c) {
    const Params& p = c.params<Params>();
    std::vector<Shape> in(static_cast<size_t>(num_inputs(p)), Shape::unknown()), out;
    for (int i = 0; i < num_inputs(p); ++i) {
      const Shape& outer = c.inputs[static_cast<size_t>(i)].shape;
      in[static_cast<size_t>(p.place(i))] = p.is_data(i) ? row_of(outer) : outer;
    }
    for (size_t o = 0; o < c.outputs.size(); ++o) {
      const bool state = p.makes_state(static_cast<int>(o));
      out.push_back(state ? c.outputs[o].shape : control::row_view(c.outputs[o]).shape);
    }
    c.inference->shapes(*p.body, in, out, false);
    for (Shape& shape : in) {
      if (!shape.ndim_known()) shape = {1};
    }
    return in;
  }

  static int64_t clamp(int64_t count, int64_t most) { return std::max<int64_t>(0, std::min(count, most)); }
  int64_t counted(const RunContext& r) const { return clamp(control::read_count(r, r.in[row_bytes_.size()]), rows_); }

  // The last run writes the output, the others by turns the workspace and the output (or what stands for it).
  void* state_at(const RunContext& r, size_t output, bool aside) const {
    const size_t at = scratch_[output - static_cast<size_t>(params_.num_out_data)];
    char* const scratch = static_cast<char*>(r.context.workspace) + at;
    if (aside) return scratch;
    return r.out[output].data ? r.out[output].data : scratch + aligned(static_cast<size_t>(out_bytes_[output]));
  }

  // What no run has written: rows beyond the count, and all states when there was none.
  void finish(const RunContext& r, int64_t count) const {
    const Params& p = params_;
    for (size_t o = 0; o < r.out.size(); ++o) {
      if (!p.makes_state(static_cast<int>(o))) {
        control::set_zero(r, r.out[o], count * out_bytes_[o]);
      } else if (count == 0 && r.out[o].data) {
        const TensorView& start = r.in[static_cast<size_t>(p.num_data()) + o - static_cast<size_t>(p.num_out_data)];
        control::copy(r, r.out[o].data, start.data, out_bytes_[o]);
      }
    }
  }

  const Params params_;
  int64_t rows_;
  std::vector<int64_t> row_bytes_, out_bytes_;  // by input of the node, by output
  std::vector<size_t> scratch_;                 // by state, in the workspace
  size_t workspace_ = 0;
  std::unique_ptr<SubgraphRunner> runner_;
};

std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<Loop>(c); }

//[full
SubgraphGradientRequest make_request(GradientContext& g, const Params& p) {
  const size_t inputs = static_cast<size_t>(num_inputs(p)), outputs = static_cast<size_t>(p.num_outputs + p.kept);
  SubgraphGradientRequest request;
  request.graph = p.body;
  request.inputs.assign(inputs, SubgraphInput::shared);
  request.wanted.assign(inputs, false);
  request.feeds.assign(outputs, -1);
  for (int i = 0; i < num_inputs(p); ++i) {
    const size_t place = static_cast<size_t>(p.place(i));
    if (p.is_data(i)) request.inputs[place] = SubgraphInput::given;
    if (p.is_state(i)) request.inputs[place] = SubgraphInput::state;
    request.wanted[place] = g.wants(i);
    request.order.push_back(static_cast<int>(place));
  }
  for (size_t o = 0; o < outputs; ++o) {
    const int index = static_cast<int>(o);
    request.given.push_back(g.has_output_grad(index));
    if (p.makes_state(index))
      request.feeds[o] = static_cast<int>(p.in_state_locs[o - static_cast<size_t>(p.num_out_data)]);
  }
  return request;
}

void gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  if (!p.body) return;
  const SubgraphGradient made = g.differentiate(make_request(g, p));
  std::vector<Entry> outputs;
  if (made.kept > 0) {
    auto extended = std::make_shared<Params>(p);
    extended->body = made.extended;
    extended->extends = true;
    extended->kept += made.kept;
    outputs = g.make_extended(extended);
  }
  std::vector<int> node_input(static_cast<size_t>(num_inputs(p)));
  for (int i = 0; i < num_inputs(p); ++i) node_input[static_cast<size_t>(p.place(i))] = i;
  control::GradientNode node(made);
  node.params().reverse = !p.reverse;
  node.params().rows = p.rows;
  for (size_t o = 0; o < made.given.size(); ++o) {
    const int index = static_cast<int>(o);
    if (made.given[o]) p.makes_state(index) ? node.state(g.output_grad(index)) : node.data(g.output_grad(index));
  }
  for (int read : made.reads) {
    const int i = node_input[static_cast<size_t>(read)];
    p.is_data(i) ? node.data(g.input(i)) : node.shared(g.input(i));
  }
  for (int i = 0; i < made.kept; ++i) node.data(outputs[static_cast<size_t>(p.num_outputs + p.kept + i)]);
  int num_out_data = 0;
  for (int input : made.gradients) {
    const int i = node_input[static_cast<size_t>(input)];
    num_out_data += p.is_data(i);
    if (!p.is_data(i) && !p.is_state(i)) node.state(g.make("zeros_like", {g.input(i)}));
  }
  if (made.gradients.empty()) return;
  const std::vector<Entry> grads = node.make(g, num_out_data, p.counted ? g.input(num_inputs(p)) : Entry());
  for (size_t i = 0; i < made.gradients.size(); ++i) {
    const int input = node_input[static_cast<size_t>(made.gradients[i])];
    // Rows of a vector may have come as rows of one element.
    g.set(input, p.is_data(input) ? g.make("reshape_like", {grads[i], g.input(input)}) : grads[i]);
  }
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_foreach");
  op.param("num_args", &Params::num_args).required().range(1, max_parts).doc("1 and the number of inputs.");
  op.param("num_outputs", &Params::num_outputs).required().range(0, max_parts).doc("Outputs: data, then states.");
  op.param("num_out_data", &Params::num_out_data).required().range(0, max_parts).doc("How many of them are data.");
  op.param("in_state_locs", &Params::in_state_locs).required().doc("Which inputs of the subgraph are states.");
  op.param("in_data_locs", &Params::in_data_locs).required().doc("Which inputs of the subgraph are rows of data.");
  op.param("remain_locs", &Params::remain_locs)
      .required()
      .doc("Which inputs of the subgraph are the same in every run.");
  op.subgraphs(
      {&Params::body}, check,
      [](const Params& p, int i) { return i < num_inputs(p) && p.body && p.body->mutates(p.place(i)); },
      [](const Params& p, int i) { return i < num_inputs(p) && p.body && p.body->holds_state(p.place(i)); });
  op.hidden().input("data").input_names(input_names);
  op.output_names([](const Params& p) { return control::output_names(p.num_outputs, p.kept, nullptr); });
  op.visible_outputs([](const Params& p) { return static_cast<int>(p.num_outputs); });
  op.infer_shape(infer_shape).infer_type(infer_type).prepare(prepare);
  op.random().uses_training().optional_outputs();
  registry.existing("_foreach").gpu_kernels.push_back(prepare);
  //[full
  op.doc("Runs a subgraph once for every row of its data. Made by mx.sym.contrib.foreach.");
  op.gradient(gradient);
  //]
}

}  // namespace mixnet::op::foreach

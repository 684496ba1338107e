// Custom: an operator that the program defines (op/core/custom.h), and its gradient.
//
// Inputs are the prop's arguments, then its auxiliary states, which both passes may change. Backward gets all inputs, the gradients of the
// outputs and the outputs that the prop says it reads, then the states. Kernels assign their outputs like any other's: requests to add
// are the executor's business.
#include "op/core/custom.h"

#include <cstring>

#include "op/core/builder.h"

namespace mixnet::op::custom {
namespace {

using Params = CustomParams;

void check_params(const Params& p) { p.prop = make_custom(p.op_type, p.kwargs); }

// Before parameters were checked, for lists of what operators there are, there is no prop.
std::vector<std::string> input_names(const Params& p) {
  if (!p.prop) return {};
  std::vector<std::string> names = p.prop->inputs;
  names.insert(names.end(), p.prop->states.begin(), p.prop->states.end());
  return names;
}
std::vector<std::string> output_names(const Params& p) {
  return p.prop ? p.prop->outputs : std::vector<std::string>{"output"};
}

template <class T>
CustomValues<T> values_of(const CustomProp& prop, const std::vector<T>& in, const std::vector<T>& out) {
  CustomValues<T> values;
  const auto middle = in.begin() + prop.num_inputs();
  values.inputs.assign(in.begin(), middle);
  values.states.assign(middle, in.end());
  values.outputs = out;
  return values;
}

// Asks the program when the first input is known, or when nobody will say more; a complaint counts unless it may come from what is unknown.
template <class Context, class Known, class Ask, class Answer>
void infer(Context& c, bool last, Known known, Ask ask, Answer answer) {
  bool all = true, any = c.in.empty();
  const int inputs = c.template params<Params>().prop->num_inputs();
  for (int i = 0; i < inputs; ++i)
    (known(c.in[static_cast<size_t>(i)]) ? any : all) = known(c.in[static_cast<size_t>(i)]);
  const bool first = inputs == 0 || known(c.in[0]);
  if (!first && !(last && any)) return;
  try {
    ask();
  } catch (const Error& e) {
    if (all || (first && last)) c.fail(e.code(), e.what());
    return;
  }
  answer();
}

void infer_shape(InferShape& c) {
  CustomProp& prop = *c.params<Params>().prop;
  CustomValues<Shape> shapes = values_of(prop, c.in, c.out);
  infer(
      c, c.last, [](const Shape& s) { return s.known(); }, [&] { prop.infer_shapes(shapes); },
      [&] {
        for (size_t i = 0; i < shapes.inputs.size(); ++i) c.set_in(static_cast<int>(i), shapes.inputs[i]);
        for (size_t i = 0; i < shapes.outputs.size(); ++i) c.set_out(static_cast<int>(i), shapes.outputs[i]);
        for (size_t i = 0; i < shapes.states.size(); ++i)
          c.set_in(prop.num_inputs() + static_cast<int>(i), shapes.states[i]);
      });
}

void infer_type(InferType& c) {
  CustomProp& prop = *c.params<Params>().prop;
  CustomValues<DType> types = values_of(prop, c.in, c.out);
  infer(
      c, true, [](DType t) { return t != DType::unknown; }, [&] { prop.infer_types(types); },
      [&] {
        for (size_t i = 0; i < types.inputs.size(); ++i) c.set_in(static_cast<int>(i), types.inputs[i]);
        for (size_t i = 0; i < types.outputs.size(); ++i) c.set_out(static_cast<int>(i), types.outputs[i]);
        for (size_t i = 0; i < types.states.size(); ++i)
          c.set_in(prop.num_inputs() + static_cast<int>(i), types.states[i]);
      });
}

std::vector<TensorView> outlines(Span<const TensorView> views, int first, int count) {
  std::vector<TensorView> result(views.begin() + first, views.begin() + first + count);
  for (TensorView& v : result) v.data = nullptr;
  return result;
}

class CustomKernel : public Kernel {
 public:
  CustomKernel(const PrepareContext& c, bool backward)
      : prop_(c.params<Params>().prop), key_(c.params_), own_(c.params<Params>().own), backward_(backward) {
    inputs_ = outlines(c.inputs, 0, prop_->num_inputs());
    const int states = prop_->num_states();
    states_ = outlines(c.inputs, static_cast<int>(c.inputs.size()) - states, states);
    outputs_ = backward ? outputs_of_inputs() : outlines(c.outputs, 0, prop_->num_outputs());
  }

  void run(const RunContext& r) const override {
    OperatorStates* const of_run = OperatorStates::current();
    OperatorStates& operators = of_run ? *of_run : *own_;
    // What the program calls meanwhile is no part of this run.
    const OperatorStates::Scope scope(nullptr);
    const auto op = operators.at(key_, [this] { return prop_->create(inputs_, states_); });
    CustomRun run;
    run.training = r.context.training;
    run.backward = backward_;
    run.inputs.assign(r.in.begin(), r.in.begin() + prop_->num_inputs());
    run.states.assign(r.in.end() - prop_->num_states(), r.in.end());
    if (backward_) read_forward(r, run);
    else run.outputs.assign(r.out.begin(), r.out.end());
    op->run(run);
  }

 private:
  std::vector<TensorView> outputs_of_inputs() const {
    CustomValues<Shape> shapes;
    CustomValues<DType> types;
    for (const TensorView& v : inputs_) shapes.inputs.push_back(v.shape), types.inputs.push_back(v.dtype);
    for (const TensorView& v : states_) shapes.states.push_back(v.shape), types.states.push_back(v.dtype);
    shapes.outputs.assign(static_cast<size_t>(prop_->num_outputs()), Shape::unknown());
    types.outputs.assign(static_cast<size_t>(prop_->num_outputs()), DType::unknown);
    prop_->infer_shapes(shapes);
    prop_->infer_types(types);
    std::vector<TensorView> views(shapes.outputs.size());
    for (size_t i = 0; i < views.size(); ++i) {
      views[i].shape = shapes.outputs[i];
      views[i].dtype = types.outputs[i];
      if (!inputs_.empty()) views[i].device = inputs_[0].device;
    }
    return views;
  }

  // The gradients of the outputs and the outputs, with data where backward reads them. Gradients that are not assigned are zero.
  void read_forward(const RunContext& r, CustomRun& run) const {
    size_t next = inputs_.size();
    run.output_grads = run.outputs = outputs_;
    for (int i = 0; i < prop_->num_outputs(); ++i) {
      if (prop_->reads(i)) run.output_grads[static_cast<size_t>(i)] = r.in[next++];
    }
    const int first = prop_->num_outputs() + prop_->num_inputs();
    for (int i = 0; i < prop_->num_outputs(); ++i) {
      if (prop_->reads(first + i)) run.outputs[static_cast<size_t>(i)] = r.in[next++];
    }
    run.input_grads.assign(r.out.begin(), r.out.end());
    for (const TensorView& v : run.input_grads) {
      if (v.data) std::memset(v.data, 0, static_cast<size_t>(v.bytes()));
    }
  }

  const std::shared_ptr<CustomProp> prop_;
  const void* const key_;
  const std::shared_ptr<OperatorStates> own_;
  const bool backward_;
  std::vector<TensorView> inputs_, outputs_, states_;
};

std::unique_ptr<Kernel> prepare_forward(const PrepareContext& c) { return std::make_unique<CustomKernel>(c, false); }

//[full
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) { return std::make_unique<CustomKernel>(c, true); }

std::vector<std::string> backward_inputs(const Params& p) {
  if (!p.prop) return {};
  std::vector<std::string> names = p.prop->inputs;
  const int outputs = p.prop->num_outputs(), first = outputs + p.prop->num_inputs();
  for (int i = 0; i < outputs; ++i) {
    if (p.prop->reads(i)) names.push_back(p.prop->outputs[static_cast<size_t>(i)] + "_grad");
  }
  for (int i = 0; i < outputs; ++i) {
    if (p.prop->reads(first + i)) names.push_back(p.prop->outputs[static_cast<size_t>(i)]);
  }
  names.insert(names.end(), p.prop->states.begin(), p.prop->states.end());
  return names;
}
std::vector<std::string> backward_outputs(const Params& p) {
  std::vector<std::string> names;
  for (int i = 0; p.prop && i < p.prop->num_inputs(); ++i)
    names.push_back(p.prop->inputs[static_cast<size_t>(i)] + "_grad");
  return names;
}

void gradient(GradientContext& g) {
  const CustomProp& prop = *g.params<Params>().prop;
  std::vector<Entry> inputs;
  for (int i = 0; i < prop.num_inputs(); ++i) inputs.push_back(g.input(i));
  const int outputs = prop.num_outputs(), first = outputs + prop.num_inputs();
  for (int i = 0; i < outputs; ++i) {
    if (prop.reads(i)) inputs.push_back(g.output_grad(i));
  }
  for (int i = 0; i < outputs; ++i) {
    if (prop.reads(first + i)) inputs.push_back(g.output(i));
  }
  for (int i = 0; i < prop.num_states(); ++i) inputs.push_back(g.input(prop.num_inputs() + i));
  const std::vector<Entry> grads = g.make_backward("_backward_Custom", std::move(inputs));
  for (int i = 0; i < prop.num_inputs(); ++i) g.set(i, grads[static_cast<size_t>(i)]);
}

void backward_shape(InferShape& c) {
  for (int i = 0; i < static_cast<int>(c.out.size()); ++i) c.set_out(i, c.in[static_cast<size_t>(i)]);
}
void backward_type(InferType& c) {
  for (int i = 0; i < static_cast<int>(c.out.size()); ++i) c.set_out(i, c.in[static_cast<size_t>(i)]);
}

// The type that is always there: its output is its input.
class Identity : public CustomProp, public CustomOperator, public std::enable_shared_from_this<Identity> {
 public:
  Identity() {
    inputs = {"data"};
    outputs = {"output"};
    backward_reads = {0};
  }
  void infer_shapes(CustomValues<Shape>& s) override { s.outputs[0] = s.inputs[0]; }
  void infer_types(CustomValues<DType>& t) override { t.outputs[0] = t.inputs[0]; }
  std::shared_ptr<CustomOperator> create(const std::vector<TensorView>&, const std::vector<TensorView>&) override {
    return shared_from_this();
  }
  void run(const CustomRun& r) override {
    const TensorView &from = r.backward ? r.output_grads[0] : r.inputs[0],
                     &to = r.backward ? r.input_grads[0] : r.outputs[0];
    if (to.data && to.bytes() > 0) std::memcpy(to.data, from.data, static_cast<size_t>(to.bytes()));
  }
};
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "Custom");
  op.no_gpu("runs the program's own code, on arrays of the host");
  op.param("op_type", &Params::op_type).required().doc("Name under which the operator was registered.");
  op.param("op_params", &Params::kwargs)
      .doc("Its parameters, a JSON object of texts. In files they are parameters of the node.");
  op.param("num_args", &Params::num_args).doc("Not used: the operator says how many inputs it has.");
  op.check(check_params).variadic("data", "num_args", &Params::num_args);
  op.input_names(input_names).output_names(output_names);
  op.infer_shape(infer_shape).infer_type(infer_type).prepare(prepare_forward);
  //[full
  register_custom("_identity", [](const TextMap&) { return std::make_shared<Identity>(); });
  op.doc(
      "An operator that the program defines and registers under a name (mx.operator.register, mxn_custom_register). "
      "Inputs are its "
      "arguments, then its auxiliary states.");
  op.gradient(gradient);
  op.sample({{2, 3}}, {{"op_type", "_identity"}}).tolerance(1e-2);
  op.sample({{1}}, {{"op_type", "_identity"}});
  op.sample({{0, 2}}, {{"op_type", "_identity"}});

  OpBuilder<Params> backward(registry, "_backward_Custom");
  backward.no_gpu("runs the program's own code, on arrays of the host");
  backward.hidden().input_names(backward_inputs).output_names(backward_outputs).optional_outputs();
  backward.infer_shape(backward_shape).infer_type(backward_type).prepare(prepare_backward);
  backward.no_gradient("it is computed by the program");
  //]
}

}  // namespace mixnet::op::custom

// RNN: stacked recurrent layers over a whole sequence: plain (Elman, 1990), LSTM (Hochreiter and Schmidhuber, 1997) and GRU
// (Cho et al., 2014, with the reset gate after the state's product).
//
// Training keeps gates and cells in the hidden output `reserve`, which prediction does not want.
#include "op/core/wide.h"
#include "op/rnn/forward.h"
//[full
#include "op/rnn/backward.h"
//]

namespace mixnet::op::rnn {
namespace {

template <class P>
void add_params(OpBuilder<P>& op) {
  op.param("state_size", &P::state_size)
      .range(1, 1 << 24)
      .required()
      .doc("Size of the state of a layer in one direction.");
  op.param("num_layers", &P::num_layers)
      .range(1, 1 << 16)
      .required()
      .doc("Number of layers, each fed with the output of the one before.");
  op.param("bidirectional", &P::bidirectional)
      .doc("Whether every layer also walks backwards, its outputs beside the forward ones.");
  op.param("mode", &P::mode, {"gru", "lstm", "rnn_relu", "rnn_tanh"}).required().doc("The cell.");
  op.param("p", &P::p)
      .range(0, 1)
      .doc("In training, share of the elements of every layer's output but the last that is dropped.");
  op.param("state_outputs", &P::state_outputs).doc("Whether the states after the last step are outputs too.");
  op.param("projection_size", &P::projection_size).doc("Not supported: must be None.");
  op.param("lstm_state_clip_min", &P::clip_min).doc("Not supported: must be None.");
  op.param("lstm_state_clip_max", &P::clip_max).doc("Not supported: must be None.");
  op.param("lstm_state_clip_nan", &P::clip_nan).doc("Says nothing without clip limits; accepted for MXNet's files.");
  op.param("use_sequence_length", &P::use_sequence_length)
      .doc("Not supported: must be False; SequenceMask and SequenceReverse do it outside.");
}

void check(const Params& p) {
  MIXNET_CHECK(!p.projection_size, unsupported, "projection_size: expected None, got ", *p.projection_size,
               "; projections are not supported");
  MIXNET_CHECK(!p.clip_min && !p.clip_max, unsupported,
               "lstm_state_clip_min, lstm_state_clip_max: expected None, got limits; clipping is not supported");
  MIXNET_CHECK(!p.use_sequence_length, unsupported,
               "use_sequence_length: expected False, got True; use SequenceMask and SequenceReverse");
}

std::vector<std::string> inputs(const Params& p) {
  std::vector<std::string> names{"data", "parameters", "state"};
  if (p.cell()) names.push_back("state_cell");
  return names;
}
std::vector<std::string> outputs(const Params& p) {
  std::vector<std::string> names{"output"};
  if (p.state_outputs) names.push_back("state_output");
  if (p.state_outputs && p.cell()) names.push_back("statecell_output");
  names.push_back("reserve");
  return names;
}
int visible(const Params& p) { return static_cast<int>(p.reserve_output()); }

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "RNN", [&](auto tag) { Forward<typename decltype(tag)::type>(p, r).run(); });
}

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, forward, forward_bytes(c));
}

// The input extent that gives this many parameters; -1 when none does.
int64_t input_extent(const Params& p, int64_t parameters) {
  const int64_t per_column = p.directions() * p.gates() * p.state_size,
                rest = parameters - Sizes(p, {0, 0, 0}).parameters();
  return rest >= 0 && rest % per_column == 0 ? rest / per_column : -1;
}

// More than is needed is as good: another device, or a graph around this one, may have asked for it.
void infer_reserve(InferShape& c, const Params& p) {
  const Sizes s(p, c.in[0]);
  const size_t at = p.reserve_output();
  const int64_t needed = s.reserve();
  if (c.out[at].known() && c.out[at].ndim() == 1 && c.out[at][0] >= needed) return;
  const GpuReserve more = c.device.kind == DeviceKind::gpu ? gpu_reserve.load() : nullptr;
  c.set_out(static_cast<int>(at), {more ? std::max(needed, more(p, s, c.device.index)) : needed});
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const int64_t unknown = -1, hidden = p.state_size, stacked = p.num_layers * p.directions(),
                width = p.directions() * hidden;
  const size_t reserve = p.reserve_output();
  auto share = [&](int from, int to) {
    if (c.in[0].ndim_known() && to >= 0) c.set_out(0, {c.in[0][from], c.in[0][to], width});
  };
  c.expect_ndim(0, 3, 3);
  c.set_in(0, {unknown, unknown, unknown});
  share(0, 1);
  c.set_out(0, {unknown, unknown, width});
  c.set_in(0, {c.out[0][0], c.out[0][1], unknown});
  // The batch is known from any of the states.
  Shape state{stacked, c.in[0][1], hidden};
  auto join = [&](auto set) {
    for (int i = 2; i < c.num_inputs(); ++i) set(c.in[static_cast<size_t>(i)], [&] { c.set_in(i, state); });
    for (size_t i = 1; i < reserve; ++i) set(c.out[i], [&] { c.set_out(static_cast<int>(i), state); });
  };
  join([&](const Shape& s, auto) {
    if (s.ndim() == 3 && state[1] < 0) state[1] = s[1];
  });
  join([](const Shape&, auto merge) { merge(); });
  c.set_in(0, {unknown, state[1], unknown});
  share(0, 1);
  c.expect_ndim(1, 1, 1);
  if (c.in[0][2] < 0 && c.in[1].ndim() == 1 && c.in[1][0] >= 0) {
    checked_size({stacked, p.gates() * hidden, width + hidden + 2}, 8);
    const int64_t input = input_extent(p, c.in[1][0]);
    if (input < 0)
      c.fail(Code::shape, concat("parameters: no input size gives ", c.in[1], " with this state_size and num_layers"));
    c.set_in(0, {unknown, unknown, input});
  }
  if (c.in[0][2] < 0) return;
  checked_size({c.in[0][2], 64}, 8);  // so that the sums below do not overflow
  checked_size({stacked, p.gates() * hidden, std::max(c.in[0][2], width) + hidden + 2}, 8);
  c.set_in(1, {Sizes(p, {0, 0, c.in[0][2]}).parameters()});
  if (!c.in[0].known()) return;
  checked_size({c.in[0][0], c.in[0][1], stacked, hidden, 8}, 8);
  infer_reserve(c, p);
}

void infer_type(InferType& c) {
  c.all_same();
  c.expect_float(0);
}

//[full
// Inputs of the backward operator: gradients of the visible outputs, the forward inputs, output, reserve.
std::vector<std::string> backward_inputs(const Params& p) {
  std::vector<std::string> names;
  for (const std::string& name : outputs(p))
    if (name != "reserve") names.push_back(name + "_grad");
  for (const std::string& name : inputs(p)) names.push_back(name);
  names.push_back("output");
  names.push_back("reserve");
  return names;
}

void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "RNN", [&](auto tag) { Backward<typename decltype(tag)::type>(p, r).run(); });
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, backward_bytes(c));
}
void infer_backward(InferShape& c) {
  const Params& p = c.params<Params>();
  const int first = visible(p);
  for (size_t i = 0; i < c.out.size(); ++i) c.set_out(static_cast<int>(i), c.in[static_cast<size_t>(first) + i]);
}
void gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  std::vector<Entry> all;
  for (int i = 0; i < visible(p); ++i) all.push_back(g.output_grad(i));
  for (int i = 0; i < g.num_inputs(); ++i) all.push_back(g.input(i));
  all.push_back(g.output(0));
  all.push_back(g.output(visible(p)));
  const auto grads = g.make_backward("_backward_RNN", all);
  for (int i = 0; i < g.num_inputs(); ++i)
    if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
}
void add_samples(OpBuilder<Params>& op) {
  op.sample({{3, 2, 2}, {21}, {1, 2, 3}},
            {{"mode", "rnn_tanh"}, {"state_size", 3}, {"num_layers", 1}, {"state_outputs", true}});
  op.sample({{3, 2, 2}, {56}, {4, 2, 2}},
            {{"mode", "rnn_tanh"}, {"state_size", 2}, {"num_layers", 2}, {"bidirectional", true}});
  op.sample({{3, 2, 2}, {24}, {2, 2, 2}},
            {{"mode", "rnn_relu"}, {"state_size", 2}, {"num_layers", 2}, {"state_outputs", true}})
      .range(0.1, 0.9);
  op.sample({{3, 2, 1}, {40}, {1, 2, 2}, {1, 2, 2}}, {{"mode", "lstm"}, {"state_size", 2}, {"num_layers", 1}});
  op.sample({{3, 1, 2}, {224}, {4, 1, 2}, {4, 1, 2}},
            {{"mode", "lstm"}, {"state_size", 2}, {"num_layers", 2}, {"bidirectional", true}, {"state_outputs", true}});
  op.sample({{2, 2, 1}, {48}, {3, 2, 1}, {3, 2, 1}},
            {{"mode", "lstm"}, {"state_size", 1}, {"num_layers", 3}, {"p", 0.5}});
  op.sample({{3, 2, 2}, {72}, {2, 2, 2}},
            {{"mode", "gru"}, {"state_size", 2}, {"num_layers", 2}, {"p", 0.3}, {"state_outputs", true}});
  op.sample({{3, 2, 1}, {60}, {2, 2, 2}},
            {{"mode", "gru"}, {"state_size", 2}, {"num_layers", 1}, {"bidirectional", true}});
  op.sample({{4, 16, 1}, {30}, {1, 16, 2}}, {{"mode", "gru"}, {"state_size", 2}, {"num_layers", 1}});
  op.sample({{1, 1, 1}, {4}, {1, 1, 1}}, {{"mode", "rnn_tanh"}, {"state_size", 1}, {"num_layers", 1}});
  op.sample({{0, 2, 1}, {16}, {1, 2, 1}, {1, 2, 1}},
            {{"mode", "lstm"}, {"state_size", 1}, {"num_layers", 1}, {"state_outputs", true}});
  op.sample({{2, 0, 1}, {12}, {1, 0, 1}},
            {{"mode", "gru"}, {"state_size", 1}, {"num_layers", 1}, {"state_outputs", true}});
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "RNN");
  add_params(op);
  op.check(check).input("data", "(steps, batch, input), float.");
  op.input("parameters",
           "One dimension: per layer and direction input and state weight, then all their biases in the same order.");
  op.input("state", "(layers * directions, batch, state_size): the state before the first step.");
  op.input("state_cell", "The same for an LSTM's cell; other modes have no such input.");
  op.random([](const Params& p, bool training) { return training && p.p > 0 && p.num_layers > 1; });
  op.input_names(inputs).output_names(outputs).visible_outputs(visible).uses_training().optional_outputs();
  op.infer_shape(infer).infer_type(infer_type).prepare(prepare);
  //[full
  op.doc(
      "Recurrent layers over a whole sequence. The output is (steps, batch, directions * state_size); with "
      "state_outputs the states after "
      "the last step follow. lstm: c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c'); gru: h' = (1 - z) "
      "tanh(W x + b + r (R h + q)) + z h.");
  op.gradient(gradient);
  add_samples(op);
  OpBuilder<Params> grad(registry, "_backward_RNN");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .input_names(backward_inputs)
      .output_names(inputs)
      .visible_outputs([](const Params& p) { return p.cell() ? 4 : 3; });
  grad.optional_outputs()
      .infer_shape(infer_backward)
      .prepare(prepare_backward)
      .no_gradient("second order is not defined yet");
  //]
}

}  // namespace mixnet::op::rnn

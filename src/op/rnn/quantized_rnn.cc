// _contrib_quantized_rnn: RNN in prediction on data that quantize_asym has made, q = x data_scale + data_shift.
//
// Data are brought back to float32 and the float kernel does the rest: its weights are float32 parameters here as in MXNet.
#include "op/rnn/quantized_rnn.h"

#include "op/core/quantized.h"

namespace mixnet::op::quantized_rnn {
namespace {

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WidenedRnn<OnHost>>(
      c, [](const OpSchema& rnn, const PrepareContext& own) { return rnn.portable(own); });
}

std::vector<std::string> inputs(const Params& p) {
  std::vector<std::string> names{"data", "parameters", "state"};
  if (p.cell()) names.push_back("state_cell");
  names.push_back("data_scale");
  names.push_back("data_shift");
  return names;
}
std::vector<std::string> outputs(const Params& p) {
  std::vector<std::string> names{"output"};
  if (p.state_outputs) names.push_back("state_output");
  if (p.state_outputs && p.cell()) names.push_back("state_cell_output");
  return names;
}
int visible(const Params& p) { return static_cast<int>(outputs(p).size()); }

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const OpSchema& rnn = registry().at("RNN");
  const size_t scale = scale_input(p);
  InferShape own(rnn, &p, c.place());
  own.in.assign(c.in.begin(), c.in.begin() + static_cast<long>(scale));
  own.out = c.out;
  own.out.resize(static_cast<size_t>(rnn.num_outputs(&p)), Shape::unknown());
  own.last = c.last;
  rnn.infer_shape(own);
  for (size_t i = 0; i < scale; ++i) c.set_in(static_cast<int>(i), own.in[i]);
  for (size_t i = scale; i < scale + 2; ++i) c.set_in(static_cast<int>(i), Shape{1});
  for (size_t i = 0; i < c.out.size(); ++i) c.set_out(static_cast<int>(i), own.out[i]);
}
void infer_type(InferType& c) {
  c.set_in(0, DType::u8);
  quantized::float_from(c, 1);
  for (size_t i = 0; i < c.out.size(); ++i) c.set_out(static_cast<int>(i), DType::f32);
}
void check(const Params& p) {
  MIXNET_CHECK(!p.projection_size && !p.use_sequence_length, unsupported,
               "projection_size: expected neither it nor use_sequence_length");
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_quantized_rnn");
  op.param("state_size", &Params::state_size).required().range(1, 1 << 24).doc("Size of the state.");
  op.param("num_layers", &Params::num_layers).required().range(1, 1 << 16).doc("Number of layers.");
  op.param("bidirectional", &Params::bidirectional).doc("Runs both ways.");
  op.param("mode", &Params::mode, {"gru", "lstm", "rnn_relu", "rnn_tanh"}).required().doc("The cell.");
  op.param("p", &Params::p).range(0, 1).doc("Dropout, of which prediction has none.");
  op.param("state_outputs", &Params::state_outputs).doc("Gives the last states too.");
  op.param("projection_size", &Params::projection_size).doc("None; anything else is refused.");
  op.param("lstm_state_clip_min", &Params::clip_min).doc("Lowest cell state of an LSTM.");
  op.param("lstm_state_clip_max", &Params::clip_max).doc("Highest cell state of an LSTM.");
  op.param("lstm_state_clip_nan", &Params::clip_nan).doc("Clips NaN too.");
  op.param("use_sequence_length", &Params::use_sequence_length).doc("Refused.");
  op.check(check)
      .input("data", "(steps, batch, size), uint8 of quantize_asym.")
      .input("parameters", "As RNN, float32.");
  op.input("state", "As RNN.").input("state_cell", "As RNN.").input("data_scale", "(1,).").input("data_shift", "(1,).");
  op.input_names(inputs).output_names(outputs).visible_outputs(visible);
  op.infer_shape(infer).infer_type(infer_type).prepare(prepare).zero_gradient();
  op.no_empty("a state has at least one number");
  //[full
  op.doc("RNN in prediction on quantised data (see quantize_asym); results are float32. Parameters and shapes as RNN.");
  op.sample({{3, 2, 2}, {84}, {1, 2, 3}, {1, 2, 3}, {1}, {1}}, {{"state_size", 3}, {"num_layers", 1}, {"mode", "lstm"}})
      .range(0.1, 1);
  op.sample({{1, 1, 1}, {12}, {1, 1, 1}, {1}, {1}},
            {{"state_size", 1}, {"num_layers", 1}, {"mode", "gru"}, {"state_outputs", true}})
      .range(0.5, 1);
  //]
}

}  // namespace mixnet::op::quantized_rnn

// SequenceLast: the last step of each sequence.
#include <cstring>

#include "op/core/set_zero.h"
#include "op/index/sequence.h"

namespace mixnet::op::sequence_last {
namespace {

void forward(const SequenceParams& p, const RunContext& r) {
  const Sequences s(p, r.in[0].shape);
  const Lengths lengths(p, r.in, 1, s.steps, 1);
  const int64_t item = dtype_size(r.in[0].dtype), bytes = s.inner * item;
  for (int64_t n = 0; bytes > 0 && n < s.batch; ++n) {
    const char* from = r.in[0].as<char>() + s.at(lengths[n] - 1, n) * item;
    std::memcpy(r.out[0].as<char>() + n * bytes, from, static_cast<size_t>(bytes));
  }
}

void infer(InferShape& c) {
  infer_sequence_inputs<SequenceParams>(c);
  const Shape& in = c.in[0];
  if (!in.ndim_known()) return;
  const int axis = static_cast<int>(c.params<SequenceParams>().axis);
  if (in.known() && in[axis] == 0 && in[1 - axis] > 0)
    c.fail(Code::shape, concat("data: expected at least one step, got ", in));
  Shape out;
  for (int i = 0; i < in.ndim(); ++i) {
    if (i != axis) out.push_back(in[i]);
  }
  c.set_out(0, out);
}

//[full
// Inputs: output_grad, data (its shape), and perhaps the lengths.
void backward(const SequenceParams& p, const RunContext& r) {
  const Sequences s(p, r.out[0].shape);
  const Lengths lengths(p, r.in, 2, s.steps, 1);
  const int64_t item = dtype_size(r.out[0].dtype), bytes = s.inner * item;
  set_zero(r.out[0]);
  for (int64_t n = 0; r.out[0].size() > 0 && n < s.batch; ++n) {
    char* to = r.out[0].as<char>() + s.at(lengths[n] - 1, n) * item;
    std::memcpy(to, r.in[0].as<char>() + n * bytes, static_cast<size_t>(bytes));
  }
}
std::vector<std::string> backward_inputs(const SequenceParams& p) {
  if (p.use_sequence_length) return {"output_grad", "data", "sequence_length"};
  return {"output_grad", "data"};
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
void infer_backward_type(InferType& c) { c.set_out(0, c.in[1]); }
void gradient(GradientContext& g) {
  std::vector<Entry> in{g.output_grad(0), g.input(0)};
  if (g.params<SequenceParams>().use_sequence_length) in.push_back(g.input(1));
  g.set(0, g.make_backward("_backward_SequenceLast", std::move(in))[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<SequenceParams> op(registry, "SequenceLast");
  add_sequence_length(op);
  add_sequence_axis(op);
  add_sequence_inputs(op);
  op.check(check_sequence).infer_shape(infer).infer_type(infer_sequence_type).kernel(forward);
  //[full
  op.doc("The last step of each sequence: (T, N, ...) becomes (N, ...). A length below 1 counts as 1.")
      .gradient(gradient);
  op.sample({{3, 2, 2}});
  op.sample({{3, 2, 2}, {2}}, {{"use_sequence_length", true}}).integers({1}, 4);
  op.sample({{2, 3}, {2}}, {{"use_sequence_length", true}, {"axis", 1}}).integers({1}, 4);
  op.sample({{1, 1}, {1}}, {{"use_sequence_length", true}}).integers({1}, 2);
  op.sample({{2, 0}});

  OpBuilder<SequenceParams> grad(registry, "_backward_SequenceLast");
  add_sequence_length(grad);
  add_sequence_axis(grad);
  grad.hidden()
      .input_names(backward_inputs)
      .shape_only({1})
      .infer_shape(infer_backward)
      .infer_type(infer_backward_type);
  grad.kernel(backward).no_gradient("linear; use SequenceLast for higher orders");
  //]
}

}  // namespace mixnet::op::sequence_last

// SequenceMask: what lies behind the end of each sequence becomes one value.
#include "op/index/sequence_mask.h"

#include "op/index/sequence.h"

namespace mixnet::op::sequence_mask {
namespace {

void forward(const Params& p, const RunContext& r) {
  const TensorView &in = r.in[0], &out = r.out[0];
  if (out.data != in.data) std::copy_n(in.as<char>(), in.bytes(), out.as<char>());
  if (!p.use_sequence_length) return;
  const Sequences s(p, in.shape);
  const Lengths lengths(p, r.in, 1, s.steps, 0);
  dispatch_all(out.dtype, "SequenceMask", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T value = static_cast<T>(static_cast<accumulator_t<T>>(p.value));
    parallel_for(s.batch, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, s.steps * s.inner)),
                 [&](int64_t a, int64_t b) {
                   for (int64_t n = a; n < b; ++n) {
                     for (int64_t t = lengths[n]; t < s.steps; ++t)
                       std::fill_n(out.as<T>() + s.at(t, n), s.inner, value);
                   }
                 });
  });
}

void infer(InferShape& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  infer_sequence_inputs<Params>(c);
}

//[full
void gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  if (!p.use_sequence_length) return g.set(0, g.output_grad(0));
  const Attributes attributes{{"use_sequence_length", true}, {"value", 0.0}, {"axis", p.axis}};
  g.set(0, g.make("SequenceMask", {g.output_grad(0), g.input(1)}, attributes));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "SequenceMask");
  add_sequence_length(op);
  op.param("value", &Params::value).doc("What the masked elements become.");
  add_sequence_axis(op);
  add_sequence_inputs(op);
  op.inplace(0, 0).check(check_sequence).infer_shape(infer).infer_type(infer_sequence_type).kernel(forward);
  //[full
  op.doc("data with the steps from sequence_length on set to value.").gradient(gradient);
  op.sample({{3, 2, 2}});
  op.sample({{3, 2, 2}, {2}}, {{"use_sequence_length", true}, {"value", -1.0}}).integers({1}, 4);
  op.sample({{2, 3}, {2}}, {{"use_sequence_length", true}, {"axis", 1}}).integers({1}, 4);
  op.sample({{1, 1}, {1}}, {{"use_sequence_length", true}}).integers({1}, 2);
  op.sample({{0, 2}, {2}}, {{"use_sequence_length", true}});
  //]
}

}  // namespace mixnet::op::sequence_mask

// SequenceReverse: the steps of each sequence backwards; what lies behind its end stays.
#include <cstring>

#include "op/index/sequence.h"

namespace mixnet::op::sequence_reverse {
namespace {

void forward(const SequenceParams& p, const RunContext& r) {
  const Sequences s(p, r.in[0].shape);
  const Lengths lengths(p, r.in, 1, s.steps, 0);
  const int64_t item = dtype_size(r.in[0].dtype), bytes = s.inner * item;
  if (r.in[0].size() == 0) return;
  parallel_for(s.batch, std::max<int64_t>(1, 65536 / (s.steps * bytes)), [&](int64_t a, int64_t b) {
    for (int64_t n = a; n < b; ++n) {
      const int64_t length = lengths[n];
      for (int64_t t = 0; t < s.steps; ++t) {
        const int64_t from = t < length ? length - 1 - t : t;
        std::memcpy(r.out[0].as<char>() + s.at(t, n) * item, r.in[0].as<char>() + s.at(from, n) * item,
                    static_cast<size_t>(bytes));
      }
    }
  });
}

void infer(InferShape& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  infer_sequence_inputs<SequenceParams>(c);
}
void check(const SequenceParams& p) { MIXNET_CHECK(p.axis == 0, invalid, "axis: expected 0, got ", p.axis); }

//[full
void gradient(GradientContext& g) {
  const bool given = g.params<SequenceParams>().use_sequence_length;
  std::vector<Entry> in{g.output_grad(0)};
  if (given) in.push_back(g.input(1));
  g.set(0, g.make("SequenceReverse", std::move(in), {{"use_sequence_length", given}}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<SequenceParams> op(registry, "SequenceReverse");
  add_sequence_length(op);
  op.param("axis", &SequenceParams::axis).doc("The axis of time; only 0.");
  op.input("data", "(T, N, ...).").input("sequence_length", "(N,), lengths; only with use_sequence_length.");
  op.input_names(sequence_inputs<SequenceParams>);
  op.check(check).infer_shape(infer).infer_type(infer_sequence_type).kernel(forward);
  //[full
  op.doc("Runs the steps of each sequence backwards, up to its length; later steps stay where they are.")
      .gradient(gradient);
  op.sample({{3, 2, 2}});
  op.sample({{3, 2, 2}, {2}}, {{"use_sequence_length", true}}).integers({1}, 4);
  op.sample({{1, 1}, {1}}, {{"use_sequence_length", true}}).integers({1}, 2);
  op.sample({{0, 2}, {2}}, {{"use_sequence_length", true}});
  //]
}

}  // namespace mixnet::op::sequence_reverse

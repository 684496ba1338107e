// SequenceReverse on GPUs.
#include "op/core/gpu/launch.h"
#include "op/index/sequence_on_gpu.h"

namespace mixnet::op::sequence_reverse {
namespace {

template <class W>
struct Reverse {
  SequenceWords words;
  Lengths lengths;
  const W* x;
  W* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const SequenceWords::Place at = words.place(i);
    const int64_t length = lengths[at.sequence], from = at.step < length ? length - 1 - at.step : at.step;
    y[i] = x[words.s.at(from, at.sequence) + at.inside];
  }
};

void forward(const SequenceParams& p, const RunContext& r) {
  const Sequences s(p, r.in[0].shape);
  const Lengths lengths(p, r.in, 1, s.steps, 0);
  dispatch_sequences(s, r.in[0], r.out[0], [&](auto tag, const SequenceWords& words) {
    using W = typename decltype(tag)::type;
    gpu::map(*r.context.stream, words.size(), Reverse<W>{words, lengths, r.in[0].as<W>(), r.out[0].as<W>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<SequenceParams>(registry, "SequenceReverse", forward); }

}  // namespace mixnet::op::sequence_reverse

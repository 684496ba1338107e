// SequenceLast on GPUs.
#include "op/core/gpu/launch.h"
#include "op/index/sequence_on_gpu.h"

namespace mixnet::op::sequence_last {
namespace {

template <class W>
struct Take {
  SequenceWords words;
  Lengths lengths;
  const W* x;
  W* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t n = words.words.number(i);
    y[i] = x[words.s.at(lengths[n] - 1, n) + i - n * words.s.inner];
  }
};
template <class W>
struct Put {
  SequenceWords words;
  Lengths lengths;
  const W* dy;
  W* dx;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const SequenceWords::Place at = words.place(i);
    dx[i] = at.step == lengths[at.sequence] - 1 ? dy[at.sequence * words.s.inner + at.inside] : W{};
  }
};

void forward(const SequenceParams& p, const RunContext& r) {
  const Sequences s(p, r.in[0].shape);
  const Lengths lengths(p, r.in, 1, s.steps, 1);
  dispatch_sequences(s, r.in[0], r.out[0], [&](auto tag, const SequenceWords& words) {
    using W = typename decltype(tag)::type;
    gpu::map(*r.context.stream, s.batch * words.s.inner, Take<W>{words, lengths, r.in[0].as<W>(), r.out[0].as<W>()});
  });
}
void backward(const SequenceParams& p, const RunContext& r) {
  const Sequences s(p, r.out[0].shape);
  const Lengths lengths(p, r.in, 2, s.steps, 1);
  dispatch_sequences(s, r.in[0], r.out[0], [&](auto tag, const SequenceWords& words) {
    using W = typename decltype(tag)::type;
    gpu::map(*r.context.stream, words.size(), Put<W>{words, lengths, r.in[0].as<W>(), r.out[0].as<W>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<SequenceParams>(registry, "SequenceLast", forward);
  gpu::kernel<SequenceParams>(registry, "_backward_SequenceLast", backward);
}

}  // namespace mixnet::op::sequence_last

// SequenceLast on GPUs.
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/words.h"
#include "op/index/sequence.h"

namespace mixnet::op::sequence_last {
namespace {

template <class W>
struct Take {
  Sequences sequences;
  Lengths lengths;
  const W* x;
  W* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t n = i / sequences.inner;
    y[i] = x[sequences.at(lengths[n] - 1, n) + i - n * sequences.inner];
  }
};
template <class W>
struct Put {
  Sequences sequences;
  Lengths lengths;
  const W* dy;
  W* dx;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const Sequences::Place at = sequences.place(i);
    dx[i] = at.step == lengths[at.sequence] - 1 ? dy[at.sequence * sequences.inner + at.inside] : W(0);
  }
};

void forward(const SequenceParams& p, const RunContext& r) {
  const Sequences s(p, r.in[0].shape);
  const Lengths lengths(p, r.in, 1, s.steps, 1);
  gpu::dispatch_words(dtype_size(r.in[0].dtype), [&](auto tag) {
    using W = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(), Take<W>{s, lengths, r.in[0].as<W>(), r.out[0].as<W>()});
  });
}
void backward(const SequenceParams& p, const RunContext& r) {
  const Sequences s(p, r.out[0].shape);
  const Lengths lengths(p, r.in, 2, s.steps, 1);
  gpu::dispatch_words(dtype_size(r.out[0].dtype), [&](auto tag) {
    using W = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(), Put<W>{s, lengths, r.in[0].as<W>(), r.out[0].as<W>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<SequenceParams>(registry, "SequenceLast", forward);
  gpu::kernel<SequenceParams>(registry, "_backward_SequenceLast", backward);
}

}  // namespace mixnet::op::sequence_last

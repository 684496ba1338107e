// SequenceReverse on GPUs.
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/words.h"
#include "op/index/sequence.h"

namespace mixnet::op::sequence_reverse {
namespace {

template <class W>
struct Reverse {
  Sequences sequences;
  Lengths lengths;
  const W* x;
  W* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const Sequences::Place at = sequences.place(i);
    const int64_t length = lengths[at.sequence], from = at.step < length ? length - 1 - at.step : at.step;
    y[i] = x[sequences.at(from, at.sequence) + at.inside];
  }
};

void forward(const SequenceParams& p, const RunContext& r) {
  const Sequences s(p, r.in[0].shape);
  const Lengths lengths(p, r.in, 1, s.steps, 0);
  gpu::dispatch_words(dtype_size(r.in[0].dtype), [&](auto tag) {
    using W = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(), Reverse<W>{s, lengths, r.in[0].as<W>(), r.out[0].as<W>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<SequenceParams>(registry, "SequenceReverse", forward); }

}  // namespace mixnet::op::sequence_reverse

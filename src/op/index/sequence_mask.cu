// SequenceMask on GPUs.
#include "op/index/sequence_mask.h"

#include "op/core/gpu/launch.h"
#include "op/index/sequence_on_gpu.h"

namespace mixnet::op::sequence_mask {
namespace {

template <class W>
struct Mask {
  SequenceWords words;
  Lengths lengths;
  W value;
  const W* x;
  W* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const SequenceWords::Place at = words.place(i);
    y[i] = at.step < lengths[at.sequence] ? x[i] : value;
  }
};

void forward(const Params& p, const RunContext& r) {
  const Sequences s(p, r.in[0].shape);
  const Lengths lengths(p, r.in, 1, s.steps, 0);
  const gpu::WideWord value = dispatch_all(r.out[0].dtype, "SequenceMask", [&](auto tag) {
    return gpu::repeated(gpu::word_of<typename decltype(tag)::type>(p.value));
  });
  dispatch_sequences(s, r.in[0], r.out[0], [&](auto tag, const SequenceWords& words) {
    using W = typename decltype(tag)::type;
    gpu::map(*r.context.stream, words.size(),
             Mask<W>{words, lengths, gpu::first_word<W>(value), r.in[0].as<W>(), r.out[0].as<W>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "SequenceMask", forward); }

}  // namespace mixnet::op::sequence_mask

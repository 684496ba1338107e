// SequenceMask on GPUs.
#include "op/index/sequence_mask.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/words.h"

namespace mixnet::op::sequence_mask {
namespace {

template <class W>
struct Mask {
  Sequences sequences;
  Lengths lengths;
  W value;
  const W* x;
  W* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const Sequences::Place at = sequences.place(i);
    y[i] = at.step < lengths[at.sequence] ? x[i] : value;
  }
};

void forward(const Params& p, const RunContext& r) {
  const Sequences s(p, r.in[0].shape);
  const Lengths lengths(p, r.in, 1, s.steps, 0);
  dispatch_all(r.out[0].dtype, "SequenceMask", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using W = gpu::word_t<T>;
    gpu::map(*r.context.stream, r.out[0].size(),
             Mask<W>{s, lengths, gpu::word_of<T>(p.value), r.in[0].as<W>(), r.out[0].as<W>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "SequenceMask", forward); }

}  // namespace mixnet::op::sequence_mask

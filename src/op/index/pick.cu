// pick on GPUs.
#include "op/index/pick.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/words.h"
#include "op/core/movement.h"

namespace mixnet::op::pick {
namespace {

template <class W>
struct Take {
  Lines lines;
  const W* x;
  W* y;
  MIXNET_ON_DEVICE void operator()(int64_t l) const { y[l] = x[lines.at(l)]; }
};
template <class W>
struct Put {
  Lines lines;
  const W* dy;
  W* dx;
  MIXNET_ON_DEVICE void operator()(int64_t l) const { dx[lines.at(l)] = dy[l]; }
};

void forward(const Params& p, const RunContext& r) {
  const Lines s(p, r.in[0].shape, r.in[1]);
  gpu::dispatch_words(dtype_size(r.in[0].dtype), [&](auto tag) {
    using W = typename decltype(tag)::type;
    gpu::map(*r.context.stream, s.outer * s.inner, Take<W>{s, r.in[0].as<W>(), r.out[0].as<W>()});
  });
}
void backward(const Params& p, const RunContext& r) {
  const Lines s(p, r.out[0].shape, r.in[1]);
  set_zero(r.context.stream, r.out[0]);
  gpu::dispatch_words(dtype_size(r.out[0].dtype), [&](auto tag) {
    using W = typename decltype(tag)::type;
    gpu::map(*r.context.stream, s.outer * s.inner, Put<W>{s, r.in[0].as<W>(), r.out[0].as<W>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "pick", forward);
  gpu::kernel<Params>(registry, "_backward_pick", backward);
}

}  // namespace mixnet::op::pick

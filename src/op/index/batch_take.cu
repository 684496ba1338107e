// batch_take on GPUs.
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/words.h"
#include "op/index/indices.h"

namespace mixnet::op::batch_take {
namespace {

template <class W>
struct Take {
  Indices index;
  int64_t n;
  const W* x;
  W* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { y[i] = x[i * n + index.clipped(i, n)]; }
};

void forward(const NoParams&, const RunContext& r) {
  gpu::dispatch_words(dtype_size(r.in[0].dtype), [&](auto tag) {
    using W = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(),
             Take<W>{Indices(r.in[1]), r.in[0].shape[1], r.in[0].as<W>(), r.out[0].as<W>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<NoParams>(registry, "batch_take", forward); }

}  // namespace mixnet::op::batch_take

// fill_element_0index on GPUs.
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/words.h"
#include "op/core/movement.h"
#include "op/index/indices.h"

namespace mixnet::op::fill_element {
namespace {

template <class W>
struct Fill {
  Indices index;
  int64_t n;
  const W* value;
  W* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t k = index[i];
    if (k >= 0 && k < n) out[i * n + k] = value[i];
  }
};

void forward(const NoParams&, const RunContext& r) {
  copy_bytes(r.context.stream, r.out[0].data, r.in[0].data, r.in[0].bytes());
  gpu::dispatch_words(dtype_size(r.out[0].dtype), [&](auto tag) {
    using W = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.in[2].size(),
             Fill<W>{Indices(r.in[2]), r.out[0].shape[1], r.in[1].as<W>(), r.out[0].as<W>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<NoParams>(registry, "fill_element_0index", forward); }

}  // namespace mixnet::op::fill_element

// _contrib_allclose on GPUs; see allclose.cc.
#include "op/contrib/allclose.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::allclose {
namespace {

// One group walks over everything.
template <class T>
struct All {
  const T *a, *b;
  uint8_t* y;
  int64_t n;
  Params p;
  template <class Group>
  MIXNET_ON_DEVICE void operator()(int64_t, const Group& group) const {
    int close = 1;
    for (int64_t i = group.rank(); close && i < n; i += group.size()) close = is_close(p, a[i], b[i]);
    close = group.reduce(close, gpu::Least());
    if (group.rank() == 0) *y = static_cast<uint8_t>(close);
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_all(r.in[0].dtype, "allclose", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t n = r.in[0].size();
    gpu::for_each_row(*r.context.stream, 1, n, All<T>{r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<uint8_t>(), n, p});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "_contrib_allclose", forward); }

}  // namespace mixnet::op::allclose

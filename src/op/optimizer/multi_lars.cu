// multi_lars on GPUs; see multi_lars.cc.
#include "op/optimizer/multi_lars.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::multi_lars {
namespace {

template <class T>
struct Scale {
  Params p;
  const T *lrs, *weights, *gradients, *wds;
  T* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    out[i] = static_cast<T>(rate(p, static_cast<A>(lrs[i]), static_cast<A>(weights[i]), static_cast<A>(gradients[i]),
                                 static_cast<A>(wds[i])));
  }
};
void scale(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "multi_lars", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(),
             Scale<T>{p, r.in[0].as<T>(), r.in[1].as<T>(), r.in[2].as<T>(), r.in[3].as<T>(), r.out[0].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "multi_lars", scale); }

}  // namespace mixnet::op::multi_lars

// SGD steps of several weights on GPUs; see multi_sgd.cc.
#include "op/optimizer/multi_sgd.h"

#include "op/core/gpu/many.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::multi_sgd {
namespace {

template <bool Momentum, bool Master, bool Preloaded>
void kernel(const Params& p, const RunContext& r) {
  constexpr size_t group = 2 + Momentum + Master;
  gpu::for_stretches(r.out, "multi_sgd", [&](auto tag, size_t first, size_t last) {
    using T = typename decltype(tag)::type;
    using One = Step<T, Momentum, Master>;
    gpu::Many<One, T, typename One::S> many(*r.context.stream);
    const Rule<accumulator_t<T>> rule(p);
    for (size_t k = first; k < last; ++k)
      many.add(r.out[k].size(), One(rule, rates_of<Preloaded>(p, r, k), r.in.subspan(k * group, group), r.out[k]));
    many.launch();
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "multi_sgd_update", kernel<false, false, false>);
  gpu::kernel<Params>(registry, "multi_sgd_mom_update", kernel<true, false, false>);
  gpu::kernel<Params>(registry, "multi_mp_sgd_update", kernel<false, true, false>);
  gpu::kernel<Params>(registry, "multi_mp_sgd_mom_update", kernel<true, true, false>);
  gpu::kernel<Params>(registry, "preloaded_multi_sgd_update", kernel<false, false, true>);
  gpu::kernel<Params>(registry, "preloaded_multi_sgd_mom_update", kernel<true, false, true>);
  gpu::kernel<Params>(registry, "preloaded_multi_mp_sgd_update", kernel<false, true, true>);
  gpu::kernel<Params>(registry, "preloaded_multi_mp_sgd_mom_update", kernel<true, true, true>);
}

}  // namespace mixnet::op::multi_sgd

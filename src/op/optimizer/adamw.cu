// AdamW steps on GPUs; see adamw.cc.
#include "op/optimizer/adamw.h"

#include "op/core/gpu/many.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::adamw {
namespace {

template <bool Multi, bool Master>
void kernel(const Params& p, const RunContext& r) {
  constexpr size_t group = 4 + Master;
  const float* scale = r.in[r.out.size() * group].as<float>();
  gpu::for_stretches(r.out, "adamw_update", [&](auto tag, size_t first, size_t last) {
    using T = typename decltype(tag)::type;
    using One = Step<T, Master>;
    gpu::Many<One, T, typename One::S> many(*r.context.stream);
    for (size_t k = first; k < last; ++k) {
      const Rule<accumulator_t<T>> rule(p, rates_of<Multi>(p, k));
      many.add(r.out[k].size(), One(rule, scale, r.in.subspan(k * group, group), r.out[k]));
    }
    many.launch();
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "_adamw_update", kernel<false, false>);
  gpu::kernel<Params>(registry, "_mp_adamw_update", kernel<false, true>);
  gpu::kernel<Params>(registry, "_multi_adamw_update", kernel<true, false>);
  gpu::kernel<Params>(registry, "_multi_mp_adamw_update", kernel<true, true>);
}

}  // namespace mixnet::op::adamw

// LAMB on float32 copies, on GPUs; see mp_lamb.cc.
#include "op/optimizer/mp_lamb.h"

#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::mp_lamb {
namespace {

template <template <class T> class Phase>
void phase(const RunContext& r, DType dtype, const Params& p) {
  dispatch_float(dtype, "mp_lamb_update", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Phase<T> f(p, r);
    gpu::map_lanes<T, float>(*r.context.stream, r.out[0].size(), f, f.even());
  });
}
void first_phase(const Params& p, const RunContext& r) { phase<FirstPhase>(r, r.in[1].dtype, p); }
void second_phase(const Params& p, const RunContext& r) { phase<SecondPhase>(r, r.out[0].dtype, p); }

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "mp_lamb_update_phase1", first_phase);
  gpu::kernel<Params>(registry, "mp_lamb_update_phase2", second_phase);
}

}  // namespace mixnet::op::mp_lamb

// Fused optimizer steps on GPUs; see update.cc.
#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"
#include "op/optimizer/step.h"

namespace mixnet::op::update {
namespace {

template <class F, bool Master = false>
void step(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "optimizer", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Step<F, T, Master> f(p, r);
    gpu::map_lanes<T, typename Step<F, T, Master>::S>(*r.context.stream, r.out[0].size(), f, f.even());
  });
}
template <template <class T> class F>
void lamb(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "lamb_update", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const F<T> f(p, r);
    gpu::map_lanes<T>(*r.context.stream, r.out[0].size(), f, f.even());
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "sgd_update", step<Sgd>);
  gpu::kernel<Params>(registry, "mp_sgd_update", step<Sgd, true>);
  gpu::kernel<Params>(registry, "sgd_mom_update", step<SgdMomentum>);
  gpu::kernel<Params>(registry, "mp_sgd_mom_update", step<SgdMomentum, true>);
  gpu::kernel<Params>(registry, "nag_mom_update", step<Nag>);
  gpu::kernel<Params>(registry, "mp_nag_mom_update", step<Nag, true>);
  gpu::kernel<Params>(registry, "adam_update", step<Adam>);
  gpu::kernel<Params>(registry, "rmsprop_update", step<RmsProp>);
  gpu::kernel<Params>(registry, "rmspropalex_update", step<RmsPropAlex>);
  gpu::kernel<Params>(registry, "ftrl_update", step<Ftrl>);
  gpu::kernel<Params>(registry, "ftml_update", step<Ftml>);
  gpu::kernel<Params>(registry, "signsgd_update", step<SignSgd>);
  gpu::kernel<Params>(registry, "signum_update", step<Signum>);
  gpu::kernel<Params>(registry, "lamb_update_phase1", lamb<LambDirection>);
  gpu::kernel<Params>(registry, "lamb_update_phase2", lamb<LambStep>);
}

}  // namespace mixnet::op::update

// LAMB on float32 copies, on GPUs; see mp_lamb.cc.
#include "op/optimizer/mp_lamb.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::mp_lamb {
namespace {

template <class T>
struct FirstPhase {
  Direction direction;
  const T* g;
  const float* w;
  float *mean, *var, *out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    out[i] = direction(static_cast<float>(g[i]), w[i], mean[i], var[i]);
  }
};
template <class T>
struct SecondPhase {
  Params p;
  const float *g, *r1, *r2;
  float* w;
  T* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    w[i] -= scaled_rate(p, *r1, *r2) * g[i];
    out[i] = static_cast<T>(w[i]);
  }
};

void first_phase(const Params& p, const RunContext& r) {
  dispatch_float(r.in[1].dtype, "mp_lamb_update_phase1", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(),
             FirstPhase<T>{Direction(p), r.in[1].as<T>(), r.in[4].as<float>(), r.in[2].as<float>(), r.in[3].as<float>(),
                           r.out[0].as<float>()});
  });
}
void second_phase(const Params& p, const RunContext& r) {
  dispatch_float(r.out[0].dtype, "mp_lamb_update_phase2", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(),
             SecondPhase<T>{p, r.in[1].as<float>(), r.in[2].as<float>(), r.in[3].as<float>(), r.in[4].as<float>(),
                            r.out[0].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "mp_lamb_update_phase1", first_phase);
  gpu::kernel<Params>(registry, "mp_lamb_update_phase2", second_phase);
}

}  // namespace mixnet::op::mp_lamb

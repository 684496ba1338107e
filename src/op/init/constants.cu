// Arrays from nothing on GPUs.
#include "op/init/constants.h"

#include "op/core/gpu/any.h"
#include "op/core/gpu/fill.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::constants {
namespace {

template <int Kind>  // 0 zeros, 1 ones, 2 the value
void fill(const Params& p, const RunContext& r) {
  gpu::fill(*r.context.stream, r.out[0], Kind == 2 ? p.value : Kind);
}

template <class F>
struct Generate {
  gpu::Any out;
  F f;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { out.set(i, f(i)); }
};
template <class F>
void generate(const RunContext& r, F f) {
  gpu::map(*r.context.stream, r.out[0].size(), Generate<F>{gpu::Any(r.out[0]), f});
}
void arange(const RangeParams& p, const RunContext& r) { generate(r, Steps(p)); }
void linspace(const RangeParams& p, const RunContext& r) { generate(r, Line(p)); }
void eye(const EyeParams& p, const RunContext& r) { generate(r, Diagonal{r.out[0].shape[1], p.k}); }

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "_zeros", fill<0>);
  gpu::kernel<Params>(registry, "_ones", fill<1>);
  gpu::kernel<Params>(registry, "_full", fill<2>);
  gpu::kernel<RangeParams>(registry, "_arange", arange);
  gpu::kernel<RangeParams>(registry, "_linspace", linspace);
  gpu::kernel<EyeParams>(registry, "_eye", eye);
}

}  // namespace mixnet::op::constants

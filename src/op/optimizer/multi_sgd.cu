// SGD steps of several weights on GPUs; see multi_sgd.cc.
#include "op/optimizer/multi_sgd.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::multi_sgd {
namespace {

// Learning rate and weight decay: numbers, or where they are.
struct Rates {
  double lr, wd;
  const float *lr_at, *wd_at;
};

template <class T, class S>
struct Step {
  using A = accumulator_t<T>;
  Rule<A> rule;
  Rates rates;
  const T *w, *g;
  S *mom, *copy;  // null without
  T* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const A lr = rates.lr_at ? static_cast<A>(*rates.lr_at) : static_cast<A>(rates.lr),
            wd = rates.wd_at ? static_cast<A>(*rates.wd_at) : static_cast<A>(rates.wd);
    A weight = copy ? static_cast<A>(copy[i]) : static_cast<A>(w[i]), m = mom ? static_cast<A>(mom[i]) : A(0);
    rule.step(lr, wd, static_cast<A>(g[i]), weight, mom ? &m : nullptr);
    if (mom) mom[i] = static_cast<S>(m);
    if (copy) copy[i] = static_cast<S>(weight);
    out[i] = static_cast<T>(weight);
  }
};

template <bool Momentum, bool Master, bool Preloaded>
void kernel(const Params& p, const RunContext& r) {
  constexpr size_t group = 2 + Momentum + Master;
  const size_t tail = r.out.size() * group;
  for (size_t k = 0; k < r.out.size(); ++k) {
    const Span<const TensorView> in = r.in.subspan(k * group, group);
    Rates rates{};
    if (Preloaded) rates = {0, 0, r.in[tail].as<float>() + k, r.in[tail + 1].as<float>() + k};
    else rates = {p.lrs[k], p.wds[k], nullptr, nullptr};
    dispatch_float(in[0].dtype, "multi_sgd", [&](auto tag) {
      using T = typename decltype(tag)::type;
      using S = std::conditional_t<Master, float, T>;
      S* const mom = Momentum ? in[2].template as<S>() : nullptr;
      S* const copy = Master ? in[group - 1].template as<S>() : nullptr;
      gpu::map(*r.context.stream, r.out[k].size(),
               Step<T, S>{Rule<accumulator_t<T>>(p), rates, in[0].as<T>(), in[1].as<T>(), mom, copy,
                          r.out[k].template as<T>()});
    });
  }
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

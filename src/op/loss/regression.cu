// Regression outputs on GPUs; see regression.cc.
#include "op/loss/regression.h"

#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::regression {
namespace {

template <class T>
struct Logistic {
  MIXNET_ON_DEVICE accumulator_t<T> operator()(T x) const { return logistic(static_cast<accumulator_t<T>>(x)); }
};
template <class T, bool Sign>
struct Backward {
  accumulator_t<T> scale;
  MIXNET_ON_DEVICE accumulator_t<T> operator()(T y, T label) const {
    using A = accumulator_t<T>;
    return slope<Sign>(static_cast<A>(y), static_cast<A>(label), scale);
  }
};

void identity(const Params&, const RunContext& r) {
  if (r.out[0].data != r.in[0].data)
    r.context.stream->copy(r.out[0].data, r.in[0].data, static_cast<size_t>(r.out[0].bytes()));
}
void forward(const Params&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "regression", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map_values(*r.context.stream, r.out[0].size(), Logistic<T>(), r.out[0].as<T>(), r.in[0].as<T>());
  });
}
template <bool Sign>
void backward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "regression", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto scale = static_cast<accumulator_t<T>>(gradient_scale(p, r.in[1].shape));
    gpu::map_values(*r.context.stream, r.out[0].size(), Backward<T, Sign>{scale}, r.out[0].as<T>(), r.in[0].as<T>(),
                    r.in[1].as<T>());
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "LinearRegressionOutput", identity);
  gpu::kernel<Params>(registry, "LogisticRegressionOutput", forward);
  gpu::kernel<Params>(registry, "MAERegressionOutput", identity);
  gpu::kernel<Params>(registry, "_backward_LinearRegressionOutput", backward<false>);
  gpu::kernel<Params>(registry, "_backward_MAERegressionOutput", backward<true>);
}

}  // namespace mixnet::op::regression

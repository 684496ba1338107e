// Regression outputs on GPUs; see regression.cc.
#include "op/loss/regression.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::regression {
namespace {

template <class T>
struct Logistic {
  const T* x;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    y[i] = static_cast<T>(logistic(static_cast<accumulator_t<T>>(x[i])));
  }
};
template <class T, bool Sign>
struct Backward {
  const T *y, *label;
  T* dx;
  accumulator_t<T> scale;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    dx[i] = static_cast<T>(slope<Sign>(static_cast<A>(y[i]), static_cast<A>(label[i]), scale));
  }
};

void identity(const Params&, const RunContext& r) {
  if (r.out[0].data != r.in[0].data)
    r.context.stream->copy(r.out[0].data, r.in[0].data, static_cast<size_t>(r.out[0].bytes()));
}
void forward(const Params&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "regression", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(), Logistic<T>{r.in[0].as<T>(), r.out[0].as<T>()});
  });
}
template <bool Sign>
void backward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "regression", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto scale = static_cast<accumulator_t<T>>(gradient_scale(p, r.in[1].shape));
    gpu::map(*r.context.stream, r.out[0].size(),
             Backward<T, Sign>{r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>(), scale});
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

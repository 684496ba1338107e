// _contrib_hawkesll on GPUs; see hawkesll.cc. A thread per sequence.
#include "op/contrib/hawkesll.h"

#include "op/core/gpu/any.h"
#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::hawkesll {
namespace {

template <class T>
using Batch = Sequences<T, gpu::Any>;

template <class T>
struct Forward {
  Batch<T> batch;
  Trace<T>* traces;
  T *loss, *out_state;
  MIXNET_ON_DEVICE void operator()(int64_t n) const {
    loss[n] = batch.forward(n, traces + n * batch.kinds, out_state + n * batch.kinds);
  }
};

// Of alpha and beta every sequence has its own slopes here.
template <class T>
struct Backward {
  Batch<T> batch;
  const T *dloss, *dstate;
  Trace<T>* traces;
  Slopes<T> slopes;
  MIXNET_ON_DEVICE void operator()(int64_t n) const {
    const int64_t at = n * batch.kinds;
    batch.backward(n, dloss[n], dstate + at, traces + at,
                   {slopes.lda + at, slopes.alpha + at, slopes.beta + at, slopes.state + at});
  }
};
template <class T>
struct Join {
  const T *alpha, *beta;
  int64_t count, kinds;
  T *dalpha, *dbeta;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    T a = 0, b = 0;
    for (int64_t n = 0; n < count; ++n) {
      a += alpha[n * kinds + k];
      b += beta[n * kinds + k];
    }
    dalpha[k] = a;
    dbeta[k] = b;
  }
};

size_t items(const TensorView& v) {
  return static_cast<size_t>(v.size()) * (v.dtype == DType::f64 ? sizeof(double) : sizeof(float));
}
// Four numbers per mark and sequence.
size_t traces(const PrepareContext& c) { return 4 * items(c.inputs[lda]); }
// And the slopes of alpha and beta.
size_t traces_and_slopes(const PrepareContext& c) { return 6 * items(c.inputs[2 + lda]); }

void forward(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "hawkesll", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Batch<T> batch(r.in, gpu::Any(r.in[marks]));
    OnGpu::each(r, batch.count, 1,
                Forward<T>{batch, static_cast<Trace<T>*>(r.context.workspace), r.out[0].as<T>(), r.out[1].as<T>()});
  });
}
void backward(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "hawkesll", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Batch<T> batch({r.in.data() + 2, r.in.size() - 2}, gpu::Any(r.in[2 + marks]));
    const int64_t n = batch.count * batch.kinds;
    Trace<T>* traces = static_cast<Trace<T>*>(r.context.workspace);
    T *alpha = reinterpret_cast<T*>(traces + n), *beta = alpha + n;
    if (n > 0) r.context.stream->fill_zero(alpha, static_cast<size_t>(2 * n) * sizeof(T));
    OnGpu::zero(r, r.out[0]);
    OnGpu::zero(r, r.out[3]);
    OnGpu::each(
        r, batch.count, 1,
        Backward<T>{
            batch, r.in[0].as<T>(), r.in[1].as<T>(), traces, {r.out[0].as<T>(), alpha, beta, r.out[3].as<T>()}});
    OnGpu::each(r, batch.kinds, 1, Join<T>{alpha, beta, batch.count, batch.kinds, r.out[1].as<T>(), r.out[2].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<NoParams>(registry, "_contrib_hawkesll", forward, traces);
  gpu::wide<NoParams>(registry, "_backward_contrib_hawkesll", backward, traces_and_slopes);
}

}  // namespace mixnet::op::hawkesll

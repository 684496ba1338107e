// Dropout on GPUs: the numbers drawn are those of the CPU. See dropout.cc.
#include "op/nn/dropout.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::dropout {
namespace {

// Four elements of the mask, which one draw serves.
template <class T>
struct Draw {
  PhiloxKey random;
  T* mask;
  int64_t n;
  float p;
  accumulator_t<T> kept;
  bool active;
  MIXNET_ON_DEVICE void operator()(int64_t block) const {
    using A = accumulator_t<T>;
    const PhiloxBlock draw = philox(random, static_cast<uint64_t>(block));
    for (int64_t i = 4 * block; i < n && i < 4 * block + 4; ++i)
      mask[i] = static_cast<T>(!active ? A(1) : uniform_float(draw.word[i % 4]) >= p ? kept : A(0));
  }
};

// y = x mask, where the mask may have extent 1 along some axes.
template <class T>
struct Masked {
  const T *x, *mask;
  T* y;
  int ndim;
  int64_t extent[Shape::max_ndim], step[Shape::max_ndim];
  Masked(const RunContext& r, const TensorView& m)
      : x(r.in[0].as<T>()), mask(m.as<T>()), y(r.out[0].as<T>()), ndim(m.shape == r.in[0].shape ? 0 : m.ndim()) {
    int64_t stride = 1;
    for (int d = ndim - 1; d >= 0; --d) {
      extent[d] = r.in[0].shape[d];
      step[d] = m.shape[d] == 1 ? 0 : stride;
      stride *= m.shape[d];
    }
  }
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    int64_t rest = i, at = ndim == 0 ? i : 0;
    for (int d = ndim - 1; d >= 0; --d) {
      at += rest % extent[d] * step[d];
      rest /= extent[d];
    }
    y[i] = static_cast<T>(static_cast<A>(x[i]) * static_cast<A>(mask[at]));
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "Dropout", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const bool active = (r.context.training || p.mode == Mode::always) && p.p > 0;
    const int64_t n = r.out[1].size();
    const A kept = p.p < 1 ? A(1) / static_cast<A>(1 - p.p) : A(0);
    gpu::map(*r.context.stream, (n + 3) / 4,
             Draw<T>{r.context.random, r.out[1].as<T>(), n, static_cast<float>(p.p), kept, active});
    gpu::map(*r.context.stream, r.out[0].size(), Masked<T>(r, r.out[1]));
  });
}

// (dy, mask) to dx.
void backward(const Params&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "Dropout", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(), Masked<T>(r, r.in[1]));
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "Dropout", forward);
  gpu::kernel<Params>(registry, "_backward_Dropout", backward);
}

}  // namespace mixnet::op::dropout

// LRN on GPUs; see lrn.cc.
#include "op/nn/lrn.h"

#include <cmath>

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/split.h"

namespace mixnet::op::lrn {
namespace {

// The channels that count for an element: [first, last) in steps from its own.
struct Neighbours {
  int64_t first, last;
  MIXNET_ON_DEVICE Neighbours(int64_t channel, int64_t channels, int64_t half)
      : first(channel < half ? -channel : -half), last(channels - channel < half + 1 ? channels - channel : half + 1) {}
};

template <class T, class Power>
struct Forward {
  using A = accumulator_t<T>;
  int64_t channels, inner, half;
  gpu::Split planes, images;
  const T* x;
  T *y, *norms;
  A scale, knorm;
  Power power;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const Neighbours near(planes.number(i) - images.number(i) * channels, channels, half);
    A norm = knorm;
    for (int64_t o = near.first; o < near.last; ++o) {
      const A v = static_cast<A>(x[i + o * inner]);
      norm += scale * v * v;
    }
    y[i] = static_cast<T>(static_cast<A>(x[i]) * power(norm));
    norms[i] = static_cast<T>(norm);
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "LRN", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const Sizes s(r.in[0].shape);
    const int64_t n = r.out[0].size();
    with_power<A>(p, [&](auto power) {
      gpu::map(*r.context.stream, n,
               Forward<T, decltype(power)>{s.channels, s.inner, p.nsize / 2, gpu::Split(s.inner, n),
                                           gpu::Split(s.channels * s.inner, n), r.in[0].as<T>(), r.out[0].as<T>(),
                                           r.out[1].as<T>(), static_cast<A>(p.alpha / static_cast<double>(p.nsize)),
                                           static_cast<A>(p.knorm), power});
    });
  });
}

// (dy, x, norm) to dx = dy norm^-beta - 2 alpha beta / nsize x * sum of dy x norm^(-beta-1) over the neighbours.
template <class T, class Power>
struct Backward {
  using A = accumulator_t<T>;
  int64_t channels, inner, half;
  gpu::Split planes, images;
  const T *dy, *x, *norms;
  T* dx;
  A scale;
  Power power;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const Neighbours near(planes.number(i) - images.number(i) * channels, channels, half);
    A sum = 0;
    for (int64_t o = near.first; o < near.last; ++o) {
      const int64_t j = i + o * inner;
      const A norm = static_cast<A>(norms[j]);
      sum += static_cast<A>(dy[j]) * static_cast<A>(x[j]) * power(norm) / norm;
    }
    dx[i] =
        static_cast<T>(static_cast<A>(dy[i]) * power(static_cast<A>(norms[i])) - scale * static_cast<A>(x[i]) * sum);
  }
};

void backward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "LRN", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const Sizes s(r.in[1].shape);
    const int64_t n = r.out[0].size();
    const A scale = static_cast<A>(2 * p.alpha * p.beta / static_cast<double>(p.nsize));
    with_power<A>(p, [&](auto power) {
      gpu::map(*r.context.stream, n,
               Backward<T, decltype(power)>{s.channels, s.inner, p.nsize / 2, gpu::Split(s.inner, n),
                                            gpu::Split(s.channels * s.inner, n), r.in[0].as<T>(), r.in[1].as<T>(),
                                            r.in[2].as<T>(), r.out[0].as<T>(), scale, power});
    });
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "LRN", forward);
  gpu::kernel<Params>(registry, "_backward_LRN", backward);
}

}  // namespace mixnet::op::lrn

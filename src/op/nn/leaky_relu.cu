// LeakyReLU on GPUs; see leaky_relu.cc.
#include "op/nn/leaky_relu.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/sums.h"

namespace mixnet::op::leaky_relu {
namespace {

template <class T>
struct Forward {
  Params p;
  bool training;
  PhiloxKey random;
  Channels c;
  const T *x, *gamma;  // gamma is null but for prelu
  T *y, *slopes;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    const double given = gamma ? static_cast<double>(static_cast<A>(gamma[c.of(i)])) : p.slope;
    const double slope = slope_at(p, training, random, given, i);
    y[i] = static_cast<T>(static_cast<A>(value(p, static_cast<double>(static_cast<A>(x[i])), slope)));
    if (slopes) slopes[i] = static_cast<T>(static_cast<A>(slope));
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "LeakyReLU", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* gamma = p.act == Act::prelu ? r.in[1].as<T>() : nullptr;
    const Channels c(r.in[0].shape, gamma ? r.in[1].size() : 1);
    gpu::map(*r.context.stream, r.out[0].size(),
             Forward<T>{p, r.context.training, r.context.random, c, r.in[0].as<T>(), gamma, r.out[0].as<T>(),
                        r.out[1].as<T>()});
  });
}

// (dy, x, slopes) to dx.
template <class T>
struct Backward {
  Params p;
  const T *dy, *x, *slopes;
  T* dx;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    const double slope =
        derivative(p, static_cast<double>(static_cast<A>(x[i])), static_cast<double>(static_cast<A>(slopes[i])));
    dx[i] = static_cast<T>(static_cast<A>(static_cast<double>(static_cast<A>(dy[i])) * slope));
  }
};

// The gradient of one slope of prelu: of all elements that it serves.
template <class T>
struct SlopeGradient {
  int64_t outer, channels, inner;
  const T *dy, *x;
  T* dgamma;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t c, const G& group) const {
    using A = accumulator_t<T>;
    const A sum = gpu::sum_of<A>(group, outer * inner, [&](int64_t k) {
      const int64_t i = (k / inner * channels + c) * inner + k % inner;
      const A v = static_cast<A>(x[i]);
      return v <= 0 ? static_cast<A>(dy[i]) * v : A(0);
    });
    if (group.rank() == 0) dgamma[c] = static_cast<T>(sum);
  }
};

// (dy, x, slopes, gamma when prelu) to (dx, dgamma).
void backward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "LeakyReLU", [&](auto tag) {
    using T = typename decltype(tag)::type;
    Stream& stream = *r.context.stream;
    const T *dy = r.in[0].as<T>(), *x = r.in[1].as<T>();
    const int64_t n = r.in[1].size();
    if (r.out[0].data) gpu::map(stream, n, Backward<T>{p, dy, x, r.in[2].as<T>(), r.out[0].as<T>()});
    if (p.act != Act::prelu || !r.out[1].data) return;
    const Channels c(r.in[1].shape, r.in[3].size());
    // A gamma of which nothing is used has no channel of its own.
    const int64_t outer = n / std::max<int64_t>(1, c.channels * c.inner);
    stream.fill_zero(r.out[1].data, static_cast<size_t>(r.out[1].bytes()));
    gpu::for_each_row(stream, std::min(c.channels, r.out[1].size()), outer * c.inner,
                      SlopeGradient<T>{outer, c.channels, c.inner, dy, x, r.out[1].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "LeakyReLU", forward);
  gpu::kernel<Params>(registry, "_backward_LeakyReLU", backward);
}

}  // namespace mixnet::op::leaky_relu

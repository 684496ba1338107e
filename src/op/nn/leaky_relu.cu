// LeakyReLU on GPUs; see leaky_relu.cc.
#include "op/nn/leaky_relu.h"

#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/split.h"
#include "op/core/gpu/sums.h"

namespace mixnet::op::leaky_relu {
namespace {

template <class F, class T>
struct Forward {
  accumulator_t<T> slope;
  MIXNET_ON_DEVICE accumulator_t<T> operator()(T x) const { return F::of(slope, static_cast<accumulator_t<T>>(x)); }
};
template <class F, class T>
struct Backward {
  accumulator_t<T> slope;
  MIXNET_ON_DEVICE accumulator_t<T> operator()(T dy, T x) const {
    using A = accumulator_t<T>;
    return static_cast<A>(dy) * F::slope(slope, static_cast<A>(x));
  }
};

// Slopes of prelu. Neighbours share one where they are of one channel.
template <class T>
struct Gamma {
  using A = accumulator_t<T>;
  const T* gamma;
  int64_t channels;
  gpu::Split planes, images;
  Gamma(const T* values, const Channels& c, int64_t size)
      : gamma(values), channels(c.channels), planes(c.inner, size), images(c.channels, size) {}
  MIXNET_ON_DEVICE A at(int64_t i) const {
    if (channels == 1) return static_cast<A>(*gamma);
    const int64_t plane = planes.number(i);
    return static_cast<A>(gamma[plane - images.number(plane) * channels]);
  }
};
// Of dy too: its gradient instead.
template <class T>
struct ByChannel {
  Gamma<T> gamma;
  const T *dy, *x;
  T* out;
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    using A = accumulator_t<T>;
    const A slope = gamma.at(at);
    if (dy) gpu::put<V>(at, Backward<Leaky, T>{slope}, out, dy, x);
    else gpu::put<V>(at, Forward<Leaky, T>{slope}, out, x);
  }
};
template <class T>
void by_channel(Stream& stream, const Channels& c, const TensorView& gamma, const T* dy, const T* x, T* out,
                int64_t n) {
  const bool together = c.channels == 1 || c.inner % gpu::lanes_of<T> == 0;
  gpu::map_lanes<T>(stream, n, ByChannel<T>{Gamma<T>(gamma.as<T>(), c, n), dy, x, out},
                    together && gpu::even({dy, x, out}));
}

template <class T>
struct Draw {
  Params p;
  bool training;
  PhiloxKey random;
  const T* x;
  T *y, *slopes;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    const A slope = static_cast<A>(random_slope(p, training, random, i));
    y[i] = static_cast<T>(Leaky::of(slope, static_cast<A>(x[i])));
    if (slopes) slopes[i] = static_cast<T>(slope);
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "LeakyReLU", [&](auto tag) {
    using T = typename decltype(tag)::type;
    Stream& stream = *r.context.stream;
    const T* const x = r.in[0].as<T>();
    T* const y = r.out[0].as<T>();
    const int64_t n = r.out[0].size();
    if (p.act == Act::prelu)
      return by_channel<T>(stream, Channels(r.in[0].shape, r.in[1].size()), r.in[1], nullptr, x, y, n);
    if (p.act == Act::rrelu)
      return gpu::map(stream, n, Draw<T>{p, r.context.training, r.context.random, x, y, r.out[1].as<T>()});
    dispatch(p.act, [&](auto function) {
      gpu::map_values(stream, n, Forward<decltype(function), T>{static_cast<accumulator_t<T>>(p.slope)}, y, x);
    });
  });
}

// The gradient of one slope of prelu: of all elements that it serves.
template <class T>
struct SlopeGradient {
  int64_t outer, channels, inner;
  gpu::Split planes;
  const T *dy, *x;
  T* dgamma;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t c, const G& group) const {
    using A = accumulator_t<T>;
    const A sum = gpu::sum_of<A>(group, outer * inner, [&](int64_t k) {
      const int64_t image = planes.number(k), i = (image * channels + c) * inner + (k - image * inner);
      return static_cast<A>(dy[i]) * Leaky::by_slope(static_cast<A>(x[i]));
    });
    if (group.rank() == 0) dgamma[c] = static_cast<T>(sum);
  }
};

// (dy, x, slopes) of rrelu.
template <class T>
struct DrawnBackward {
  MIXNET_ON_DEVICE accumulator_t<T> operator()(T dy, T x, T slope) const {
    using A = accumulator_t<T>;
    return static_cast<A>(dy) * Leaky::slope(static_cast<A>(slope), static_cast<A>(x));
  }
};

void backward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "LeakyReLU", [&](auto tag) {
    using T = typename decltype(tag)::type;
    Stream& stream = *r.context.stream;
    const T *const dy = r.in[0].as<T>(), *const x = r.in[1].as<T>();
    T* const dx = r.out[0].as<T>();
    const int64_t n = r.in[1].size();
    if (p.act == Act::prelu) {
      const Channels c(r.in[1].shape, r.in[2].size());
      // dx may lie where dy does.
      if (r.out[1].data) {
        stream.fill_zero(r.out[1].data, static_cast<size_t>(r.out[1].bytes()));
        const int64_t each = c.outer * c.inner;
        gpu::for_each_row(
            stream, std::min(c.channels, r.out[1].size()), each,
            SlopeGradient<T>{c.outer, c.channels, c.inner, gpu::Split(c.inner, each), dy, x, r.out[1].as<T>()});
      }
      if (dx) by_channel<T>(stream, c, r.in[2], dy, x, dx, n);
    } else if (p.act == Act::rrelu) {
      gpu::map_values(stream, n, DrawnBackward<T>(), dx, dy, x, r.in[2].as<const T>());
    } else {
      dispatch(p.act, [&](auto function) {
        gpu::map_values(stream, n, Backward<decltype(function), T>{static_cast<accumulator_t<T>>(p.slope)}, dx, dy, x);
      });
    }
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "LeakyReLU", forward);
  gpu::kernel<Params>(registry, "_backward_LeakyReLU", backward);
}

}  // namespace mixnet::op::leaky_relu

#include "op/core/gpu/convolve.h"

#include "op/core/gpu/convolve_parts.h"

namespace mixnet::gpu {
namespace {

template <class T>
struct WithBias {
  using A = accumulator_t<T>;
  const T* bias;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t plane, int64_t at, A sum) const {
    y[at] = static_cast<T>(bias ? sum + static_cast<A>(bias[plane]) : sum);
  }
};

template <class T>
struct ToPixels {
  Convolution c;
  WithBias<T> store;
  MIXNET_ON_DEVICE void operator()(int64_t group, int64_t channel, int64_t j, accumulator_t<T> sum) const {
    const int64_t pixels = c.pixels(), plane = group * c.channels + channel;
    store(plane, j / pixels * c.x.image + plane * c.x.channel + c.pixel_at(j % pixels), sum);
  }
};

template <class T>
struct ToWeight {
  Convolution c;
  T* w;
  MIXNET_ON_DEVICE void operator()(int64_t group, int64_t filter, int64_t t, accumulator_t<T> sum) const {
    const int64_t volume = c.volume();
    w[c.weight_at(group * c.filters + filter, t / volume, t % volume)] = static_cast<T>(sum);
  }
};

// A thread per element of the result.
template <class T>
struct AddBias {
  Convolution c;
  bool to_x;
  const T* bias;
  T* to;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    const int64_t inner = to_x ? c.pixels() : c.positions(), planes = c.groups * (to_x ? c.channels : c.filters),
                  at = i % inner, plane = i / inner % planes, image = i / inner / planes;
    const Convolution::Steps& s = to_x ? c.x : c.y;
    T& y = to[image * s.image + plane * s.channel + (to_x ? c.pixel_at(at) : c.position_at(at))];
    y = static_cast<T>(static_cast<A>(y) + static_cast<A>(bias[plane]));
  }
};

template <class T>
WithBias<T> with_bias(const void* bias, void* y) {
  return {static_cast<const T*>(bias), static_cast<T*>(y)};
}

}  // namespace

void convolve(Stream& stream, const Convolution& c, const void* x, const void* w, const void* bias, void* y) {
  dispatch_float(c.dtype, "convolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    convolve_with<accumulator_t<T>>(stream, c, static_cast<const T*>(x), static_cast<const T*>(w),
                                    with_bias<T>(bias, y));
  });
}

void convolve_data(Stream& stream, const Convolution& c, const void* y, const void* w, const void* bias, void* x) {
  dispatch_float(c.dtype, "convolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    product<A>(stream, {c.groups, c.channels, c.images * c.pixels(), c.filters * c.volume(), true, false},
               WeightColumn<T, A>{c, static_cast<const T*>(w)}, Spread<T, A>{c, static_cast<const T*>(y)},
               ToPixels<T>{c, with_bias<T>(bias, x)});
  });
}

void convolve_weight(Stream& stream, const Convolution& c, const void* y, const void* x, void* w) {
  dispatch_float(c.dtype, "convolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const bool along = c.y.at[2] == 1;
    product<A>(stream, {c.groups, c.filters, c.channels * c.volume(), c.images * c.positions(), along, along},
               Plane<T, A>{c, static_cast<const T*>(y)}, PatchTransposed<T, A>{{c, static_cast<const T*>(x)}},
               ToWeight<T>{c, static_cast<T*>(w)});
  });
}

void convolve(Stream& stream, Direction direction, const Convolution& c, const ConvolutionData& d) {
  switch (direction) {
    case Direction::forward: return convolve(stream, c, d.x, d.w, d.bias, d.y);
    case Direction::data: return convolve_data(stream, c, d.y, d.w, d.bias, d.x);
    case Direction::weight: return convolve_weight(stream, c, d.y, d.x, d.w);
  }
}

void add_bias(Stream& stream, Direction direction, const Convolution& c, const ConvolutionData& d) {
  dispatch_float(c.dtype, "convolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const bool to_x = direction == Direction::data;
    const int64_t n = c.images * c.groups * (to_x ? c.channels * c.pixels() : c.filters * c.positions());
    map(stream, n, AddBias<T>{c, to_x, static_cast<const T*>(d.bias), static_cast<T*>(to_x ? d.x : d.y)});
  });
}

}  // namespace mixnet::gpu

#include "op/core/gpu/convolve.h"

#include "op/core/gpu/convolve_parts.h"
#include "op/core/gpu/lanes.h"

namespace mixnet::gpu {
namespace {

// A sum on its way to its place in the result; null: nothing is added.
template <class T>
struct Finished {
  using A = accumulator_t<T>;
  const T *bias, *residual;
  T* result;
  Curve curve;
  A most;
  Finished(const Finish& f, const ConvolutionData& d, void* to)
      : bias(f.bias ? static_cast<const T*>(d.bias) : nullptr),
        residual(f.residual ? static_cast<const T*>(d.residual) : nullptr),
        result(static_cast<T*>(to)),
        curve(f.curve),
        most(static_cast<A>(f.most)) {}
  MIXNET_ON_DEVICE T of(int64_t plane, A sum, T beside) const {
    if (bias) sum += static_cast<A>(bias[plane]);
    if (residual) sum += static_cast<A>(beside);
    return static_cast<T>(curved(curve, most, sum));
  }
  MIXNET_ON_DEVICE void operator()(int64_t plane, int64_t at, A sum) const {
    result[at] = of(plane, sum, residual ? residual[at] : T());
  }
};

template <class T>
struct ToPixels {
  Convolution c;
  Finished<T> store;
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

// The result in the order of memory, which has no gaps: `inner` neighbours of a plane follow one another, 1 with channels last.
template <class T>
struct FinishInPlace {
  using A = accumulator_t<T>;
  Finished<T> finished;
  int64_t inner, planes;
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    auto values = load<V>(finished.result + at);
    Lanes<T, V> residual{};
    if (finished.residual) residual = load<V>(finished.residual + at);
    const int64_t plane = finished.bias ? at / inner % planes : 0;
    MIXNET_UNROLL
    for (int k = 0; k < V; ++k)
      values.at[k] = finished.of(inner == 1 ? plane + k : plane, static_cast<A>(values.at[k]), residual.at[k]);
    store(finished.result + at, values);
  }
};

void forward(Stream& stream, const Convolution& c, const Finish& finish, const ConvolutionData& d) {
  dispatch_float(c.dtype, "convolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    convolve_with<accumulator_t<T>>(stream, c, static_cast<const T*>(d.x), static_cast<const T*>(d.w),
                                    Finished<T>(finish, d, d.y));
  });
}

void data(Stream& stream, const Convolution& c, const Finish& finish, const ConvolutionData& d) {
  dispatch_float(c.dtype, "convolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    product<A>(stream, {c.groups, c.channels, c.images * c.pixels(), c.filters * c.volume(), true, false},
               WeightColumn<T, A>{c, static_cast<const T*>(d.w)}, Spread<T, A>{c, static_cast<const T*>(d.y)},
               ToPixels<T>{c, Finished<T>(finish, d, d.x)});
  });
}

}  // namespace

void convolve(Stream& stream, const Convolution& c, const void* x, const void* w, const void* bias, void* y) {
  forward(stream, c, bias != nullptr, {const_cast<void*>(x), const_cast<void*>(w), y, bias});
}

void convolve_data(Stream& stream, const Convolution& c, const void* y, const void* w, const void* bias, void* x) {
  data(stream, c, bias != nullptr, {x, const_cast<void*>(w), const_cast<void*>(y), bias});
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

void convolve(Stream& stream, Direction direction, const Convolution& c, const Finish& finish,
              const ConvolutionData& d) {
  switch (direction) {
    case Direction::forward: return forward(stream, c, finish, d);
    case Direction::data: return data(stream, c, finish, d);
    case Direction::weight: return convolve_weight(stream, c, d.y, d.x, d.w);
  }
}

void finish_result(Stream& stream, Direction direction, const Convolution& c, const Finish& finish,
                   const ConvolutionData& d) {
  dispatch_float(c.dtype, "convolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const bool to_x = direction == Direction::data;
    const int64_t planes = c.groups * (to_x ? c.channels : c.filters), area = to_x ? c.pixels() : c.positions(),
                  inner = (to_x ? c.x : c.y).channel == 1 ? 1 : area;
    const Finished<T> finished(finish, d, to_x ? d.x : d.y);
    const bool pieces = (inner == 1 ? planes : inner) % lanes_of<T> == 0 && even({finished.result, finished.residual});
    map_lanes<T>(stream, c.images * planes * area, FinishInPlace<T>{finished, inner, planes}, pieces);
  });
}

}  // namespace mixnet::gpu

// Operands of convolutions as matrix products (op/core/gpu/convolve.h), for elements of any type.
#pragma once
#include "op/core/gpu/convolve.h"
#include "op/core/gpu/product.h"

namespace mixnet::gpu {

// (filter, channel and tap).
template <class T, class Sum>
struct WeightRow {
  Convolution c;
  const T* w;
  MIXNET_ON_DEVICE Sum operator()(int64_t group, int64_t filter, int64_t t) const {
    const int64_t volume = c.volume();
    return static_cast<Sum>(w[c.weight_at(group * c.filters + filter, t / volume, t % volume)]);
  }
};
// (channel, filter and tap).
template <class T, class Sum>
struct WeightColumn {
  Convolution c;
  const T* w;
  MIXNET_ON_DEVICE Sum operator()(int64_t group, int64_t channel, int64_t t) const {
    const int64_t volume = c.volume();
    return static_cast<Sum>(w[c.weight_at(group * c.filters + t / volume, channel, t % volume)]);
  }
};
// (channel and tap, image and position) of x.
template <class T, class Sum>
struct Patch {
  Convolution c;
  const T* x;
  MIXNET_ON_DEVICE Sum operator()(int64_t group, int64_t t, int64_t j) const {
    const int64_t volume = c.volume(), positions = c.positions();
    int64_t at;
    if (!c.pixel(j % positions, t % volume, &at)) return Sum(0);
    return static_cast<Sum>(x[j / positions * c.x.image + (group * c.channels + t / volume) * c.x.channel + at]);
  }
};
// The same, (image and position, channel and tap).
template <class T, class Sum>
struct PatchTransposed {
  Patch<T, Sum> patch;
  MIXNET_ON_DEVICE Sum operator()(int64_t group, int64_t j, int64_t t) const { return patch(group, t, j); }
};
// (filter and tap, image and pixel) of y.
template <class T, class Sum>
struct Spread {
  Convolution c;
  const T* y;
  MIXNET_ON_DEVICE Sum operator()(int64_t group, int64_t t, int64_t j) const {
    const int64_t volume = c.volume(), pixels = c.pixels();
    int64_t at;
    if (!c.window(j % pixels, t % volume, &at)) return Sum(0);
    return static_cast<Sum>(y[j / pixels * c.y.image + (group * c.filters + t / volume) * c.y.channel + at]);
  }
};
// (filter, image and position) of y.
template <class T, class Sum>
struct Plane {
  Convolution c;
  const T* y;
  MIXNET_ON_DEVICE Sum operator()(int64_t group, int64_t filter, int64_t t) const {
    const int64_t positions = c.positions();
    return static_cast<Sum>(
        y[t / positions * c.y.image + (group * c.filters + filter) * c.y.channel + c.position_at(t % positions)]);
  }
};

// Results of `forward`: store(filter of all groups, offset in y, sum).
template <class Store>
struct ToPositions {
  Convolution c;
  Store store;
  template <class Sum> MIXNET_ON_DEVICE void operator()(int64_t group, int64_t f, int64_t j, Sum sum) const {
    const int64_t positions = c.positions(), filter = group * c.filters + f;
    store(filter, j / positions * c.y.image + filter * c.y.channel + c.position_at(j % positions), sum);
  }
};

template <class Sum, class T, class W, class Store>
void convolve_with(Stream& stream, const Convolution& c, const T* x, const W* w, Store store) {
  const bool along = c.weight.at[2] == 1;
  product<Sum>(stream, {c.groups, c.filters, c.images * c.positions(), c.channels * c.volume(), along, false},
               WeightRow<W, Sum>{c, w}, Patch<T, Sum>{c, x}, ToPositions<Store>{c, store});
}

}  // namespace mixnet::gpu
